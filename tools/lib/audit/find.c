/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/find.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "path/fd_tables.h"
#include "path/look.h"
#include "path/mounts.h"
#include "qemu/executable.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_installed(
	struct audit *audit, const char *directory, const char *name, const struct stat *st)
{
	audit->installed =
		xreallocarray(audit->installed, audit->n_installed + 1, sizeof *audit->installed);
	audit->installed[audit->n_installed++] = (struct known_file){
		st->st_dev, st->st_ino, st->st_size, xasprintf("%s/%s", directory, name)};
}

/* It went away, or is not there: nothing is hidden by that. */
static bool says_gone(int number)
{
	return number == 0 || number == ENOENT || number == ENOTDIR || number == ESRCH;
}

/* Without the installed executables, one of another name passes for another program: H05 tells. */
static void note_unseen(struct audit *audit, const char *directory)
{
	if (says_gone(errno))
		return;
	audit->unseen_directory = directory;
	audit->unseen_errno = errno;
}

static void find_installed_in(struct audit *audit, const char *directory)
{
	const struct audit_tree *tree = &audit->tree;
	size_t length = 0;
	cleanup_free char *names = tree_names(tree, directory, &length);

	if (!names)
		note_unseen(audit, directory);
	for (const char *name = names; name && name < names + length; name += strlen(name) + 1) {
		struct stat st;
		if (!qemu_executable_is_name(name))
			continue;
		cleanup_free char *path = xasprintf("%s/%s", directory, name);
		if (!tree_stat(tree, path, &st, 0))
			note_unseen(audit, directory);
		else if (S_ISREG(st.st_mode))
			add_installed(audit, directory, name, &st);
	}
}

static void find_installed(struct audit *audit)
{
	if (audit->has_installed)
		return;
	audit->has_installed = true;
	for (const char *const *directory = qemu_executable_directories; *directory; directory++)
		find_installed_in(audit, *directory);
}

/*
 * The beginning of an ELF file has its build id: what has the same one is a copy. To read the
 * executable is to ask whoever serves it, so a child does.
 */
struct beginning {
	const struct audit_tree *tree;
	int directory; /* that exe is below */
	const char *exe, *path;
	bool is_same;
	int number; /* why it could not be read */
};

static bool read_same(const struct beginning *b)
{
	enum { SIZE = 65536 };
	cleanup_free char *one = xmalloc(SIZE);
	cleanup_free char *other = xmalloc(SIZE);
	cleanup_fd int fd_one = tree_openat(b->tree, b->directory, b->exe, O_RDONLY);
	cleanup_fd int fd_other =
		openat(b->tree->fd, b->path + 1, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd_one < 0 || fd_other < 0)
		return false;
	errno = 0;
	ssize_t n = read(fd_one, one, SIZE);
	return n > 0 && read(fd_other, other, SIZE) == n && memcmp(one, other, (size_t)n) == 0;
}

static void ask_beginning(void *context, size_t i, struct attempt_out *out)
{
	struct beginning *b = context;

	(void)i;
	b->is_same = read_same(b);
	b->number = b->is_same ? 0 : errno;
	attempt_put(out, b, sizeof *b);
}

static void take_beginning(void *context, size_t i, const struct attempt_answer *answer)
{
	struct beginning *b = context;

	(void)i;
	if (answer->length == sizeof *b)
		memcpy(b, answer->bytes, sizeof *b);
	else
		b->number = answer->number ? answer->number : EPROTO;
}

/* False and errno where it could not be read. */
static bool same_beginning(
	const struct audit_tree *tree, int directory, const char *exe, const char *path)
{
	struct beginning beginning = {
		.tree = tree, .directory = directory, .exe = exe, .path = path};
	const int keep[] = {tree->fd, directory};
	struct attempt asked = {.ask = ask_beginning,
		.take = take_beginning,
		.context = &beginning,
		.keep = keep,
		.n_keep = 2};

	attempt(&asked, 1);
	errno = beginning.number;
	return beginning.is_same;
}

/*
 * Where a process is looked at: in its directory of /proc, or below /proc by its number, which can
 * have become another one's before each look.
 */
struct place {
	int directory;
	char prefix[sizeof "2147483647/"]; /* "" in its own directory */
};

static struct place place_below_proc(const struct audit_tree *tree, const char *pid)
{
	struct place place = {.directory = tree->proc};

	snprintf(place.prefix, sizeof place.prefix, "%.10s/", pid);
	return place;
}

static struct place place_of(const struct audit_tree *tree, int process, pid_t pid)
{
	char number[sizeof "2147483647"];

	if (process >= 0)
		return (struct place){.directory = process};
	snprintf(number, sizeof number, "%d", pid);
	return place_below_proc(tree, number);
}

/* Its kind is told to those, too, who have no access to it. */
static bool is_on_fuse(const struct audit_tree *tree, const struct place *place, const char *exe)
{
	uid_t user;
	cleanup_fd int directory = tree_openat(tree, place->directory,
		*place->prefix ? place->prefix : ".", O_RDONLY | O_DIRECTORY);
	cleanup_fd int fd = look_open_link(place->directory, exe);

	return fd >= 0 && look_is_fuse(fd, directory, &user) == 1;
}

/*
 * An executable that could not be looked at makes *number the reason. Root has no access to a
 * user's FUSE mount, and what runs there is no reason to call each audit blind.
 */
static void could_not_look(
	const struct audit_tree *tree, const struct place *place, const char *exe, int *number)
{
	int why = errno;

	if (!says_gone(why) && (why != EACCES || !is_on_fuse(tree, place, exe)))
		*number = why;
}

static bool is_installed(const struct audit *audit, const struct place *place, const char *exe,
	const struct stat *st, enum found_by *found_by, int *number)
{
	const struct audit_tree *tree = &audit->tree;

	for (size_t i = 0; i < audit->n_installed; i++) {
		const struct known_file *file = &audit->installed[i];
		if (file->dev == st->st_dev && file->ino == st->st_ino) {
			*found_by = FOUND_BY_FILE;
			return true;
		}
		if (file->size != st->st_size || tree->root)
			continue;
		if (same_beginning(tree, place->directory, exe, file->path)) {
			*found_by = FOUND_BY_COPY;
			return true;
		}
		could_not_look(tree, place, exe, number);
	}
	return false;
}

/*
 * A process whose first thread has ended shows no executable, as a kernel thread does; it
 * is told by its number of threads, which is the link count of its task directory
 * (fs/proc/base.c, proc_task_getattr()), and by the executable of another thread: of that, as
 * readlinkat(2) has it, and its path. ENOENT: there is none.
 */
static ssize_t read_living_thread(
	const struct audit_tree *tree, const struct place *place, char path[64], char exe[PATH_MAX])
{
	struct stat st;
	const struct dirent *d;
	int number = ENOENT;

	snprintf(path, 64, "%stask", place->prefix);
	if (fstatat(place->directory, path, &st, 0) < 0)
		return -1;
	if (st.st_nlink <= 3) {
		errno = ENOENT;
		return -1;
	}
	int fd = tree_openat(tree, place->directory, path, O_RDONLY | O_DIRECTORY);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
		return -1;
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, 64, "%stask/%.20s/exe", place->prefix, d->d_name);
		ssize_t n = readlinkat(place->directory, path, exe, PATH_MAX);
		if (n > 0)
			return n;
		number = errno;
	}
	errno = number;
	return -1;
}

/*
 * Most processes of a host run one of a few files, and what was no QEMU once is none again: of
 * those, one look at the file is all. It has to be the same file, unchanged, of one name only, and
 * come to through the same mount, since a mount on a file gives that another name; and a file
 * system must tell it that is the kernel's own, for others say what they like.
 */
#define MAX_SEEN 128

static bool get_key(const struct statx *stx, struct seen_file *key)
{
	struct stat st;

	look_stat_of(stx, &st);
	*key = (struct seen_file){.mount = stx->stx_mnt_id,
		.ino = stx->stx_ino,
		.dev = st.st_dev,
		.ctime = st.st_ctim};
	return stx->stx_mask & MOUNTS_ID && S_ISREG(st.st_mode) && st.st_nlink == 1;
}

static const struct seen_file *find_seen(const struct audit *audit, const struct seen_file *key)
{
	for (size_t i = 0; i < audit->n_seen; i++) {
		const struct seen_file *seen = &audit->seen[i];
		if (seen->ino == key->ino && seen->mount == key->mount && seen->dev == key->dev &&
			seen->ctime.tv_sec == key->ctime.tv_sec &&
			seen->ctime.tv_nsec == key->ctime.tv_nsec)
			return seen;
	}
	return NULL;
}

/* Of what can be a copy, the content would count. */
static bool is_like_installed(const struct audit *audit, const struct statx *stx)
{
	for (size_t i = 0; i < audit->n_installed; i++)
		if ((unsigned long long)audit->installed[i].size == stx->stx_size)
			return true;
	return false;
}

/*
 * One that was no QEMU, as stx has told, and is to be known again. It is looked at through one
 * descriptor: the name is then that of the very file, whatever the process runs by now.
 */
static void note_seen(
	struct audit *audit, const struct place *place, const char *path, struct statx *stx)
{
	char name[PATH_MAX + 1];
	struct seen_file key;

	if (audit->n_seen == MAX_SEEN || !get_key(stx, &key) || find_seen(audit, &key))
		return;
	cleanup_fd int fd = look_open_link(place->directory, path);
	if (fd < 0 || !look_statx_fd(fd, stx) || !get_key(stx, &key) || find_seen(audit, &key))
		return;
	ssize_t n = readlink(IO_FD_PATH(fd), name, sizeof name - 1);
	name[n < 0 ? 0 : n] = '\0';
	key.is_other = n > 0 && !qemu_executable_is_name(name) && !is_like_installed(audit, stx) &&
		       look_is_local(fd, -1);
	ARRAY_GROW(audit->seen, audit->n_seen);
	audit->seen[audit->n_seen++] = key;
}

static bool is_other(const struct audit *audit, const struct statx *stx)
{
	struct seen_file key;
	const struct seen_file *seen = get_key(stx, &key) ? find_seen(audit, &key) : NULL;

	return seen && seen->is_other;
}

/*
 * Whether the process is QEMU. One that can't be told makes *number the reason, else 0. own, if it
 * is not NULL, becomes what the link of its first thread says, or why not.
 */
struct own_exe {
	char *text; /* new */
	int number;
};

static bool is_qemu(struct audit *audit, const struct place *place, struct own_exe *own,
	enum found_by *found_by, int *number)
{
	const struct audit_tree *tree = &audit->tree;
	char path[64], exe[PATH_MAX + 1];
	struct statx stx;
	struct stat st;

	snprintf(path, sizeof path, "%sexe", place->prefix);
	*number = 0;
	/* In the search alone: where somebody may have to be asked, that comes last. */
	bool is_told = !own && !tree->root && !look_may_wait() &&
		       look_statx_link(place->directory, path, &stx);
	if (is_told && is_other(audit, &stx))
		return false;
	ssize_t n = readlinkat(place->directory, path, exe, sizeof exe - 1);
	if (own)
		*own = (struct own_exe){n < 0 ? NULL : xstrndup(exe, (size_t)n), errno};
	if (n < 0 && errno == ENOENT && !tree->root)
		n = read_living_thread(tree, place, path, exe);
	if (n < 0) {
		*number = errno == ENOENT || errno == ESRCH ? 0 : errno;
		return false;
	}
	exe[n] = '\0';
	*found_by = FOUND_BY_NAME;
	if (qemu_executable_is_name(exe))
		return true;
	find_installed(audit);
	if (is_told)
		look_stat_of(&stx, &st);
	else if (!tree_stat_link(tree, place->directory, path, &st)) {
		could_not_look(tree, place, path, number);
		return false;
	}
	bool is_one = is_installed(audit, place, path, &st, found_by, number);
	if (!is_one && is_told)
		note_seen(audit, place, path, &stx);
	return is_one;
}

static bool is_kvm_link(int directory, const char *name, int *number)
{
	char target[32];
	ssize_t n = *name == '.' ? 0 : readlinkat(directory, name, target, sizeof target - 1);

	if (n < 0 && !says_gone(errno))
		*number = errno;
	if (n <= 0)
		return false;
	target[n] = '\0';
	return strcmp(target, "anon_inode:kvm-vm") == 0 ||
	       strcmp(target, "anon_inode:[kvm-vm]") == 0;
}

/*
 * Every process of the host is asked this: getdents64(2) itself, since what opendir(3) asks
 * of the directory costs more than the answer.
 */
static bool reads_kvm(const struct audit_tree *tree, int directory, const char *path, int *number)
{
	union {
		struct dirent64 align;
		char bytes[4096];
	} buffer;
	ssize_t n = 0;

	*number = 0;
	cleanup_fd int fd = tree_openat(tree, directory, path, O_RDONLY | O_DIRECTORY);
	while (fd >= 0 && (n = getdents64(fd, buffer.bytes, sizeof buffer.bytes)) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(buffer.bytes + at);
			if (is_kvm_link(fd, d->d_name, number))
				return true;
			at += d->d_reclen;
		}
	}
	if ((fd < 0 || n < 0) && errno != ENOENT && errno != ESRCH)
		*number = errno;
	return false;
}

struct kvm_search {
	const struct audit_tree *tree;
	bool found;
	int number;
};

static bool has_kvm_in(void *context, int thread)
{
	struct kvm_search *search = context;
	int number;

	search->found = reads_kvm(search->tree, thread, "fd", &number);
	if (number)
		search->number = number;
	return !search->found;
}

/* The first thread can have ended, and each can have a descriptor table of its own. */
static bool threads_have_kvm(
	const struct audit_tree *tree, const struct place *place, pid_t pid, int *number)
{
	struct kvm_search search = {.tree = tree};
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "%stask", place->prefix);
	if (tree->root)
		return false;
	bool is_told = fstatat(place->directory, path, &st, 0) == 0;
	/* As in read_living_thread(). */
	if (is_told && st.st_nlink <= 3)
		return false;
	cleanup_fd int process =
		is_told ? tree_openat(tree, place->directory, *place->prefix ? place->prefix : ".",
				  O_RDONLY | O_DIRECTORY)
			: -1;
	if (process < 0)
		search.number = says_gone(errno) ? 0 : errno;
	else if (!fd_tables_each(process, pid, NULL, has_kvm_in, &search))
		search.number = EAGAIN;
	*number = search.number;
	return search.found;
}

static bool has_kvm(
	const struct audit_tree *tree, const struct place *place, pid_t pid, int *number)
{
	char path[64];

	snprintf(path, sizeof path, "%sfd", place->prefix);
	return reads_kvm(tree, place->directory, path, number) ||
	       (!*number && threads_have_kvm(tree, place, pid, number));
}

static bool is_pid(const char *name)
{
	return *name >= '1' && *name <= '9' && name[strspn(name, "0123456789")] == '\0' &&
	       strlen(name) <= 10 && strtoul(name, NULL, 10) <= INT_MAX;
}

static void hide(struct audit *audit, int number)
{
	audit->n_hidden++;
	audit->hidden_errno = number;
}

static void add_found(struct found_process **out, size_t *n, pid_t pid, unsigned kinds)
{
	if ((*n & (*n - 1)) == 0)
		*out = xreallocarray(*out, *n ? 2 * *n : 1, sizeof **out);
	(*out)[(*n)++] = (struct found_process){pid, kinds};
}

/*
 * The kernel's side knows names and sizes of executables: /proc is asked about those alone
 * that may be QEMU, when they are read. False where it can't tell.
 */
static bool find_by_bpf(
	struct audit *audit, bool scan_kvm, struct found_process **out, size_t *n_found)
{
	cleanup_free unsigned long long *sizes = xcalloc(audit->n_installed + 1, sizeof *sizes);
	cleanup_free pid_t *pids = NULL;
	cleanup_free pid_t *users = NULL;

	for (size_t i = 0; i < audit->n_installed; i++)
		sizes[i] = (unsigned long long)audit->installed[i].size;
	ssize_t n = audit_bpf_find(audit->bpf, sizes, audit->n_installed, &pids);
	ssize_t n_users = n < 0 || !scan_kvm ? 0 : audit_bpf_find_kvm(audit->bpf, &users);
	if (n < 0 || n_users < 0)
		return false;
	for (ssize_t i = 0; i < n; i++)
		add_found(out, n_found, pids[i], FOUND_QEMU);
	size_t n_qemu = *n_found;
	/* Both ascend. */
	for (size_t i = 0, k = 0; i < (size_t)n_users; i++) {
		while (k < n_qemu && (*out)[k].pid < users[i])
			k++;
		if (k < n_qemu && (*out)[k].pid == users[i])
			(*out)[k].kinds |= 1U << FOUND_BY_KVM;
		else
			add_found(out, n_found, users[i], 1U << FOUND_BY_KVM);
	}
	return true;
}

bool audit_find(
	struct audit *audit, bool scan_kvm, struct found_process **out, size_t *n, char **error)
{
	const struct audit_tree *tree = &audit->tree;
	const struct dirent *d;

	*out = NULL;
	*n = 0;
	find_installed(audit);
	if (audit->bpf && find_by_bpf(audit, scan_kvm, out, n))
		return true;
	cleanup_fd int fd = tree_openat(tree, tree->proc, ".", O_RDONLY | O_DIRECTORY);
	cleanup_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir)
		return error_set_errno(error, "cannot list the processes in /proc");
	steal_fd(&fd);
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		enum found_by found_by;
		int exe_errno, fd_errno = 0;
		if (!is_pid(d->d_name))
			continue;
		pid_t pid = (pid_t)strtoul(d->d_name, NULL, 10);
		const struct place place = place_below_proc(tree, d->d_name);
		bool wanted = is_qemu(audit, &place, NULL, &found_by, &exe_errno);
		if (!wanted && scan_kvm) {
			found_by = FOUND_BY_KVM;
			wanted = has_kvm(tree, &place, pid, &fd_errno);
		}
		if (!wanted && (exe_errno || fd_errno))
			hide(audit, exe_errno ? exe_errno : fd_errno);
		if (wanted)
			add_found(out, n, pid, 1U << found_by);
	}
	if (errno)
		return error_set_errno(error, "cannot list the processes in /proc");
	return true;
}

enum found_by audit_find_one(
	struct audit *audit, int process, pid_t pid, unsigned kinds, char **exe, int *exe_errno)
{
	const struct place place = place_of(&audit->tree, process, pid);
	enum found_by found_by;
	struct own_exe own;
	int unseen, fd_errno = 0;

	bool is_one = is_qemu(audit, &place, &own, &found_by, &unseen);
	*exe = own.text;
	*exe_errno = own.text ? 0 : own.number;
	if (is_one)
		return found_by;
	if (kinds & 1U << FOUND_BY_KVM && has_kvm(&audit->tree, &place, pid, &fd_errno))
		return FOUND_BY_KVM;
	if (unseen || fd_errno)
		hide(audit, unseen ? unseen : fd_errno);
	return FOUND_BY_REQUEST;
}
