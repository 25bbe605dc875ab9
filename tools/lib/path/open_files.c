/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/open_files.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/has_cap.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "base/process.h"
#include "path/fd_tables.h"
#include "path/lease.h"
#include "path/look.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What stateDir of libvirt's src/qemu/qemu_conf.c is: NAME.pid of each domain that runs. */
#define DOMAINS "/run/libvirt/qemu"

/* Four system calls each, as many as are made for one process of /proc. */
#define MAX_LEASES 16

/* Of a kernel thread: include/linux/sched.h. */
#define PF_KTHREAD 0x00200000U

struct opener {
	dev_t dev; /* 0: not told, any */
	ino_t ino;
	pid_t pid;
	uid_t uid[2]; /* real, effective; -1: not told, any */
	bool unseen;  /* what it has open can't be seen: it may be anything */
};

static struct opener *openers;
static size_t n_openers;
static pid_t libvirt;
static bool is_read;
static size_t n_expected, n_leases; /* asked for */
static char *failure;		    /* why it is not */

static pid_t pid_of(const char *name)
{
	char *end;
	long pid = strtol(name, &end, 10);

	return *end || pid <= 0 || pid > INT_MAX ? 0 : (pid_t)pid;
}

static bool read_uids(int process, char text[FD_TABLES_STATUS], uid_t uid[2])
{
	if (io_read_short(process, "status", text, FD_TABLES_STATUS) <= 0)
		return false;
	const char *line = strstr(text, "\nUid:");
	return line && sscanf(line, "\nUid: %u %u", &uid[0], &uid[1]) == 2;
}

static void note_libvirt(int process, pid_t pid)
{
	char exe[PATH_MAX];
	ssize_t n = readlinkat(process, "exe", exe, sizeof exe - 1);

	if (n <= 0)
		return;
	exe[n] = '\0';
	/* Still running after its file was replaced. */
	exe[proc_path_length(exe)] = '\0';
	const char *slash = strrchr(exe, '/');
	if (slash && (strcmp(slash, "/libvirtd") == 0 || strcmp(slash, "/virtqemud") == 0))
		libvirt = pid;
}

static bool is_denied(void)
{
	return errno == EACCES || errno == EPERM;
}

static void add_opener(const struct opener *opener)
{
	ARRAY_GROW(openers, n_openers);
	openers[n_openers++] = *opener;
}

/*
 * The object of a descriptor, as the kernel knows it without asking its file system: the
 * holder may be the one who serves that, and never answer. Device and inode number are the
 * same as stat(2)'s, on btrfs and overlayfs too.
 */
static bool identify(int fds, const char *name, struct opener *opener)
{
	struct statx stx;

	if (name[0] == '.')
		return false;
	if (statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &stx) <
		0) {
		opener->unseen = opener->unseen || is_denied();
		return false;
	}
	if (!S_ISREG(stx.stx_mode) && !S_ISBLK(stx.stx_mode) && !S_ISCHR(stx.stx_mode))
		return false;
	opener->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	opener->ino = stx.stx_ino;
	return true;
}

/*
 * Of the kernel, or ended: it has nothing open. What a process has open is denied, as if it were
 * another user's, once it was waited for (fs/proc/base.c, proc_fd_access_allowed()).
 */
static bool has_no_files(pid_t pid)
{
	struct proc_stat stat;

	errno = 0;
	if (!process_stat(AT_FDCWD, pid, &stat))
		return errno == ENOENT || errno == ESRCH;
	return proc_stat_has_ended(&stat) || stat.flags & PF_KTHREAD;
}

/* Without CAP_SYS_PTRACE, in a container, what others have open is not shown (ptrace(2)). */
static void add_unseen(struct opener opener)
{
	opener.unseen = true;
	if (!has_no_files(opener.pid))
		add_opener(&opener);
}

/* A descriptor of its directory, and its status file. -1: it is unseen, or not to be read. */
static int open_process(
	int proc, const char *name, struct opener *opener, char status[FD_TABLES_STATUS])
{
	*opener = (struct opener){.pid = pid_of(name)};
	if (!opener->pid || opener->pid == getpid())
		return -1;
	cleanup_fd int process = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	opener->unseen = process < 0 && is_denied();
	if (opener->unseen)
		opener->uid[0] = opener->uid[1] = (uid_t)-1;
	if (process < 0 || !read_uids(process, status, opener->uid))
		return -1;
	return steal_fd(&process);
}

/* What is done with each descriptor of a process. */
struct walk {
	const char *directory; /* "fd", "fdinfo" */
	void (*on_descriptor)(struct walk *walk, int directory, const char *name);
	struct opener *opener;
	struct attempt_out *out; /* in a child, for its answer */
};

static bool walk_table(void *context, int thread)
{
	struct walk *walk = context;
	const struct dirent *d;
	int fd = openat(thread, walk->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	walk->opener->unseen |= !dir && errno != ENOENT && errno != ESRCH;
	/* All are of one owner, and one is enough. */
	while (dir && !walk->opener->unseen && (d = readdir(dir)) != NULL)
		walk->on_descriptor(walk, fd, d->d_name);
	return !walk->opener->unseen;
}

static void walk_process(int process, const char *status, struct walk *walk)
{
	struct opener *opener = walk->opener;

	if (!fd_tables_each(process, opener->pid, status, walk_table, walk))
		opener->unseen = true;
}

static void note_object(struct walk *walk, int directory, const char *name)
{
	if (identify(directory, name, walk->opener))
		add_opener(walk->opener);
}

static void read_process(int proc, const char *name)
{
	char status[FD_TABLES_STATUS];
	struct opener opener;
	struct walk walk = {.directory = "fd", .on_descriptor = note_object, .opener = &opener};
	cleanup_fd int process = open_process(proc, name, &opener, status);

	if (process >= 0) {
		note_libvirt(process, opener.pid);
		walk_process(process, status, &walk);
	}
	if (opener.unseen)
		add_unseen(opener);
}

/*
 * Where even to name an object again may wait (look.h), a child does it, process by process.
 * One whose objects gave no answer may have open whatever has an inode number that its
 * fdinfo files name (fs/proc/fd.c, seq_show(); Linux 5.14).
 */

struct scan {
	int proc;
	char **names;
	size_t n;
};

static void answer_object(struct walk *walk, int directory, const char *name)
{
	if (identify(directory, name, walk->opener))
		attempt_put(walk->out, walk->opener, sizeof *walk->opener);
}

static void ask_process(void *context, size_t i, struct attempt_out *out)
{
	const struct scan *scan = context;
	char status[FD_TABLES_STATUS];
	struct opener opener;
	struct walk walk = {
		.directory = "fd", .on_descriptor = answer_object, .opener = &opener, .out = out};
	cleanup_fd int process = open_process(scan->proc, scan->names[i], &opener, status);

	if (process >= 0)
		walk_process(process, status, &walk);
	if (opener.unseen)
		attempt_put(out, &opener, sizeof opener);
}

static void note_number(struct walk *walk, int directory, const char *name)
{
	char text[1024];
	unsigned long long ino;

	if (name[0] == '.' || io_read_short(directory, name, text, sizeof text) <= 0)
		return;
	const char *line = strstr(text, "\nino:");
	if (!line || sscanf(line, "\nino: %llu", &ino) != 1)
		return;
	walk->opener->ino = (ino_t)ino;
	add_opener(walk->opener);
}

static void read_numbers(int proc, const char *name)
{
	char status[FD_TABLES_STATUS];
	struct opener opener;
	struct walk walk = {.directory = "fdinfo", .on_descriptor = note_number, .opener = &opener};
	cleanup_fd int process = open_process(proc, name, &opener, status);

	if (process >= 0)
		walk_process(process, status, &walk);
	if (opener.unseen)
		add_unseen(opener);
}

static void take_process(void *context, size_t i, const struct attempt_answer *answer)
{
	const struct scan *scan = context;
	const char *bytes = answer->bytes;
	struct opener opener;

	for (size_t at = 0; at + sizeof opener <= answer->length; at += sizeof opener) {
		memcpy(&opener, bytes + at, sizeof opener);
		if (opener.unseen)
			add_unseen(opener);
		else
			add_opener(&opener);
	}
	if (answer->number)
		read_numbers(scan->proc, scan->names[i]);
}

static void scan_in_child(int proc, DIR *dir)
{
	struct scan scan = {.proc = proc};
	struct attempt asked = {.ask = ask_process,
		.take = take_process,
		.context = &scan,
		.keep = &scan.proc,
		.n_keep = 1};
	struct dirent *d;

	while ((d = readdir(dir)) != NULL) {
		pid_t pid = pid_of(d->d_name);
		cleanup_fd int process =
			pid && pid != getpid() ? openat(proc, d->d_name, O_PATH | O_CLOEXEC) : -1;
		if (process < 0)
			continue;
		note_libvirt(process, pid);
		ARRAY_GROW(scan.names, scan.n);
		scan.names[scan.n++] = xstrdup(d->d_name);
	}
	attempt(&asked, scan.n);
	for (size_t i = 0; i < scan.n; i++)
		free(scan.names[i]);
	free(scan.names);
}

/*
 * Whether the options of a mount of proc keep processes from being listed, to who may not trace
 * them: fs/proc/base.c, has_pid_permissions(). Members of the group, which is 0, are spared,
 * but for "ptraceable".
 */
static bool hides(const char *options)
{
	bool is_member = getegid() == 0 && !strstr(options, ",gid=");

	return strstr(options, "hidepid=ptraceable") || strstr(options, "hidepid=4") ||
	       (!is_member &&
		       (strstr(options, "hidepid=invisible") || strstr(options, "hidepid=2")));
}

static bool are_hidden(int proc)
{
	struct proc_mount mount;
	struct statx stx;
	bool hidden = false;

	if (has_cap(CAP_SYS_PTRACE))
		return false;
	cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/mountinfo", SIZE_MAX, NULL);
	if (!text || statx(proc, "", AT_EMPTY_PATH, STATX_MNT_ID, &stx) < 0)
		return true;
	for (const char *p = text; !hidden && proc_mountinfo_next(&p, &mount);) {
		hidden = strcmp(mount.type, "proc") == 0 &&
			 (mount.id == stx.stx_mnt_id || !(stx.stx_mask & STATX_MNT_ID)) &&
			 hides(mount.options);
		proc_mount_free(&mount);
	}
	return hidden;
}

static char *read_all(void)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = proc < 0 ? NULL : fdopendir(proc);
	struct dirent *d;

	if (!dir)
		return xasprintf(
			"cannot read /proc to determine which processes have files open: %s",
			strerror(errno));
	if (are_hidden(proc))
		return xstrdup("cannot determine which processes have files open: /proc is mounted "
			       "with hidepid, and CAP_SYS_PTRACE is missing; run it with that "
			       "capability, or: mount -o remount,hidepid=0 /proc");
	if (look_may_wait())
		scan_in_child(proc, dir);
	else
		while ((d = readdir(dir)) != NULL)
			read_process(proc, d->d_name);
	return NULL;
}

/* Without the reason, which open_files_text() gives. */
static bool is_seen(void)
{
	if (!is_read)
		failure = read_all();
	is_read = true;
	return !failure;
}

void open_files_forget(void)
{
	free(openers);
	free(failure);
	openers = NULL;
	failure = NULL;
	n_openers = 0;
	libvirt = 0;
	is_read = false;
	n_leases = 0;
}

static bool is_user(const struct opener *o, uid_t uid)
{
	return uid == (uid_t)-1 || o->uid[0] == uid || o->uid[1] == uid ||
	       (o->unseen && o->uid[0] == (uid_t)-1);
}

static bool is_opener(const struct opener *o, const struct stat *st, uid_t uid)
{
	return is_user(o, uid) &&
	       (o->unseen || (o->ino == st->st_ino && (!o->dev || o->dev == st->st_dev)));
}

bool open_files_is_unseen(pid_t pid)
{
	for (size_t i = 0; i < n_openers; i++)
		if (openers[i].pid == pid && openers[i].unseen)
			return true;
	return pid == OPEN_FILES_UNSEEN;
}

char *open_files_text(pid_t pid)
{
	if (pid == OPEN_FILES_UNSEEN)
		return xstrdup(failure);
	if (open_files_is_unseen(pid) && !has_cap(CAP_SYS_PTRACE))
		return xasprintf(
			"cannot determine without CAP_SYS_PTRACE whether process %d has it open",
			pid);
	/* A security module denies it, or its threads come and go. */
	if (open_files_is_unseen(pid))
		return xasprintf("cannot determine whether process %d has it open", pid);
	return xasprintf("process %d has it open", pid);
}

void open_files_expect(size_t n)
{
	n_expected = n;
}

bool open_files_asks_kernel(void)
{
	return !is_read && n_leases < MAX_LEASES && n_expected <= MAX_LEASES;
}

bool open_files_has_none(int fd, const struct stat *st)
{
	if (!open_files_asks_kernel() || !S_ISREG(st->st_mode) || !look_is_local(fd, -1))
		return false;
	n_leases++;
	return lease_is_granted(fd);
}

pid_t open_files_first(const struct stat *st, uid_t uid)
{
	if (!is_seen())
		return OPEN_FILES_UNSEEN;
	for (size_t i = 0; i < n_openers; i++)
		if (is_opener(&openers[i], st, uid))
			return openers[i].pid;
	return 0;
}

bool open_files_can_have(ino_t inode, uid_t uid)
{
	bool can = !is_seen();

	for (size_t i = 0; i < n_openers && !can; i++)
		can = is_user(&openers[i], uid) && (openers[i].unseen || openers[i].ino == inode);
	return can;
}

static bool is_of(const struct opener *o, uid_t uid)
{
	return o->uid[0] == uid && o->uid[1] == uid;
}

pid_t open_files_writer(
	const struct stat *st, uid_t owner, bool (*writes)(pid_t, const struct stat *))
{
	pid_t last = 0;

	if (!is_seen())
		return OPEN_FILES_UNSEEN;
	for (size_t i = 0; i < n_openers; i++) {
		const struct opener *o = &openers[i];
		if (o->unseen || o->pid == last || is_of(o, 0) || is_of(o, owner) ||
			!is_opener(o, st, (uid_t)-1))
			continue;
		last = o->pid;
		if (writes(last, st))
			return last;
	}
	return 0;
}

/* The process id of a domain's file; 0: none. */
static pid_t domain_of(int dir, const char *name)
{
	char text[32];
	size_t length = strlen(name);

	if (length < 4 || strcmp(name + length - 4, ".pid") != 0)
		return 0;
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : io_read_up_to(fd, text, sizeof text - 1);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return pid_of(text);
}

static bool has_open(const struct stat *st, uid_t uid, pid_t pid)
{
	if (!is_seen())
		return true;
	for (size_t i = 0; i < n_openers; i++)
		if (openers[i].pid == pid && is_opener(&openers[i], st, uid))
			return true;
	return false;
}

bool open_files_have_domain(const struct stat *st, uid_t uid)
{
	int domains = open(DOMAINS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = domains < 0 ? NULL : fdopendir(domains);
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		pid_t pid = domain_of(domains, d->d_name);
		if (pid && has_open(st, uid, pid))
			return true;
	}
	return false;
}

pid_t open_files_libvirt(void)
{
	return is_seen() ? libvirt : OPEN_FILES_UNSEEN;
}
