/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/published.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "vm/descriptors.h"
#include "vm/home.h"
#include "vm/isolation.h"
#include "vm/made.h"
#include "vm/supervise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC O_CLOEXEC
#endif
/* What QEMU makes in its directory. */
#define SOCKET "socket"
#define TERMINALS "/dev/pts/"
/* In a root directory of the VM's own. */
#define PLACES "/run/sockets"
#define MAX_LEFT 16

static const char *name_of_kind(const struct vm_step *step)
{
	return step->is_link ? "link" : "socket";
}

/* The directory's n-th name, beside that of the socket. */
static char *staging_name(const struct vm_step *step, int n)
{
	return n ? xasprintf(".%s.virt-privileges.%d", step->place.name, n)
		 : xasprintf(".%s.virt-privileges", step->place.name);
}

/* Takes away what a killed runner has left, if it is no more than that. */
static void remove_left(const struct vm *vm, const struct vm_step *step, const char *name)
{
	struct stat st;
	cleanup_fd int fd =
		openat(step->place.dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	/* In a directory of the QEMU user's, he could do this himself. */
	if (fd >= 0 && fstat(fd, &st) == 0 && vm_is_own_user(vm, st.st_uid))
		unlinkat(fd, SOCKET, 0);
	unlinkat(step->place.dir, name, AT_REMOVEDIR);
}

/* Whether nothing is in it; what can't be read is not. */
static bool is_empty(int fd)
{
	const struct dirent *d;
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	bool empty = true;

	if (!dir)
		return false;
	errno = 0;
	while (empty && (d = readdir(dir)) != NULL)
		empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	return empty && errno == 0;
}

/*
 * Whether it is the directory that was made just now, which is nobody's to search, or one that is
 * as good: in a directory of a user's, that user could have put another one of root's in its place.
 */
static bool is_ours(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	errno = 0;
	bool ours = st.st_uid == 0 && (st.st_mode & 0777) == 0 && is_empty(fd);
	/* What can't be looked into says why. */
	if (!ours && errno == 0)
		errno = EEXIST;
	return ours;
}

/* Opens it. What is not ours is let go of as it is: it is not to be emptied, by whomever. */
static bool open_staging(struct vm_step *step)
{
	cleanup_fd int fd = openat(
		step->place.dir, step->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || !is_ours(fd))
		return false;
	step->staging = steal_fd(&fd);
	return true;
}

static bool make_staging(const struct vm *vm, struct vm_step *step, char **error)
{
	for (int n = 0; n < MAX_LEFT && !step->name; n++) {
		cleanup_free char *name = staging_name(step, n);
		remove_left(vm, step, name);
		if (mkdirat(step->place.dir, name, 0) == 0)
			step->name = steal_pointer(&name);
		else if (errno != EEXIST)
			break;
	}
	if (!step->name || !open_staging(step) ||
		fchown(step->staging, vm->identity.uid, vm->identity.gid) < 0 ||
		fchmod(step->staging, 0700) < 0) {
		*error = xasprintf("cannot create a directory for the %s %s: %s",
			name_of_kind(step), step->path, strerror(errno));
		return false;
	}
	return true;
}

/* Whether the account may search the directories above anyway. */
static bool may_search(struct vm *vm, const struct vm_step *step)
{
	cleanup_free char *error = NULL;
	struct denials denials;
	struct safepath walk;

	if (!safepath_open(step->place.dir_path, &walk, &error))
		return false;
	bool may = access_denials(&walk, X_OK, &vm->identity, &denials, &error) && denials.n == 0;
	access_free(&denials);
	safepath_close(&walk);
	return may;
}

/*
 * The descriptor that QEMU gets: of a mount of its own, out of which ".." does not lead. Where
 * that is not permitted (containers), and leads nowhere new, of the directory.
 */
static int open_for_qemu(struct vm *vm, const struct vm_step *step)
{
	int fd = (int)syscall(SYS_open_tree, step->staging, "",
		AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (fd < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS)) {
		int number = errno;
		if (may_search(vm, step))
			return fcntl(step->staging, F_DUPFD_CLOEXEC, 3);
		errno = number;
	}
	return fd;
}

/*
 * Whatever QEMU has put there beside the socket goes, too; else it is at least closed to it. One
 * that could not be opened, or was another's, is removed by its name if it is empty, and never
 * emptied.
 */
static void remove_staging(struct vm_step *step)
{
	if (step->staging < 0) {
		unlinkat(step->place.dir, step->name, AT_REMOVEDIR);
		return;
	}
	unlinkat(step->staging, SOCKET, 0);
	int result = unlinkat(step->place.dir, step->name, AT_REMOVEDIR);
	if (result < 0 && errno == ENOTEMPTY) {
		vm_home_empty(step->staging);
		result = unlinkat(step->place.dir, step->name, AT_REMOVEDIR);
	}
	int number = errno;
	if (result < 0 && number != ENOENT) {
		cleanup_free char *path = xasprintf("%s/%s", step->place.dir_path, step->name);
		cleanup_free char *word = shell_word(path);
		errno = number;
		warn_errno("cannot remove the directory %s of a socket; remove it: rm -rf "
			   "--one-file-system %s",
			path, word);
		if (fchown(step->staging, 0, 0) < 0 || fchmod(step->staging, 0) < 0)
			warn_errno("cannot deny QEMU access to it");
	}
	close(step->staging);
	step->staging = -1;
}

static bool prepare(struct vm *vm, struct vm_step *step, char **error)
{
	*error = NULL;
	if (!vm_clear_place(vm, step, error))
		return false;
	if (make_staging(vm, step, error)) {
		int fd = open_for_qemu(vm, step);
		/* In the VM's own root directory it has a name, and no descriptor leads out of it.
		 */
		if (fd >= 0 && step->visible)
			step->object = fd;
		if (fd >= 0 && (step->visible || vm_fill(step->fd, fd, error)))
			return true;
		if (!*error)
			*error = xasprintf("cannot clone a mount of the directory for the %s %s, "
					   "whose parent directories %s cannot search: %s; move "
					   "it to a directory like /run",
				name_of_kind(step), step->path, vm->identity.user, strerror(errno));
	}
	if (step->name)
		remove_staging(step);
	return false;
}

static void give_back(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	if (step->staging >= 0)
		remove_staging(step);
	if (step->ino)
		vm_remove_made(step);
}

/* Whether it is there already must be known: an answer that says neither is asked for again. */
static int open_made(const struct vm_step *step)
{
	int fd = -1;

	for (int i = 0; i < 2 && fd < 0; i++) {
		fd = openat(step->staging, SOCKET, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			break;
	}
	return fd;
}

static void publish_socket(const struct vm *vm, struct vm_step *step, int fd, struct stat *st)
{
	if (!S_ISSOCK(st->st_mode) || st->st_uid != vm->identity.uid) {
		warn("what QEMU has created for the socket %s is not a socket of its own; not "
		     "linked there",
			step->path);
	} else if (linkat(fd, "", step->place.dir, step->place.name, AT_EMPTY_PATH) < 0) {
		warn_errno("cannot link the socket that QEMU has bound to %s", step->path);
	} else {
		step->dev = st->st_dev;
		step->ino = st->st_ino;
	}
}

/* Whether target is a pseudo-terminal, and the QEMU user's. */
static bool is_own_terminal(const struct vm *vm, const char *target)
{
	size_t length = strlen(TERMINALS);
	struct stat st;

	return strncmp(target, TERMINALS, length) == 0 && target[length] &&
	       !target[length + strspn(target + length, "0123456789")] && lstat(target, &st) == 0 &&
	       S_ISCHR(st.st_mode) && st.st_uid == vm->identity.uid;
}

/* Root's link leads where that of QEMU's does, which is not linked: in a directory like /tmp nobody
 * may follow one of the QEMU user's. */
static void publish_link(const struct vm *vm, struct vm_step *step, int fd, struct stat *st)
{
	char target[sizeof TERMINALS + 3 * sizeof(int)] = "";
	ssize_t n = S_ISLNK(st->st_mode) ? readlinkat(fd, "", target, sizeof target - 1) : 0;

	target[n > 0 ? n : 0] = '\0';
	if (!is_own_terminal(vm, target))
		warn("what QEMU has created for %s is not a link to a pseudo-terminal of its own; "
		     "not linked there",
			step->path);
	else if (symlinkat(target, step->place.dir, step->place.name) < 0 ||
		 fstatat(step->place.dir, step->place.name, st, AT_SYMLINK_NOFOLLOW) < 0) {
		warn_errno("cannot create the link %s to %s", step->path, target);
	} else {
		step->dev = st->st_dev;
		step->ino = st->st_ino;
	}
}

/* Gives what QEMU has made its name, if it is there. */
static void publish(const struct vm *vm, struct vm_step *step)
{
	struct stat st;
	cleanup_fd int fd = open_made(step);

	if (fd < 0 && errno == ENOENT)
		return;
	if (fd < 0 || fstat(fd, &st) < 0)
		warn_errno("cannot examine what QEMU has made for %s", step->path);
	else if (step->is_link)
		publish_link(vm, step, fd, &st);
	else
		publish_socket(vm, step, fd, &st);
	remove_staging(step);
}

bool vm_publish(void *context)
{
	struct vm *vm = context;
	char bytes[4096];
	bool waits = false;

	if (vm->events >= 0 && read(vm->events, bytes, sizeof bytes) < 0 && errno != EAGAIN)
		warn_errno("cannot read the inotify events of socket directories");
	for (size_t i = 0; i < vm->n_steps; i++) {
		if (vm->steps[i].staging >= 0)
			publish(vm, &vm->steps[i]);
		waits |= vm->steps[i].staging >= 0;
	}
	if (!waits && vm->events >= 0) {
		close(vm->events);
		vm->events = -1;
	}
	return waits;
}

void vm_watch_published(struct vm *vm, struct supervisor *supervisor)
{
	bool any = false, good = true;

	for (size_t i = 0; i < vm->n_steps; i++)
		any |= vm->steps[i].staging >= 0;
	if (!any)
		return;
	vm->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	for (size_t i = 0; i < vm->n_steps && vm->events >= 0; i++) {
		if (vm->steps[i].staging < 0)
			continue;
		good = good && inotify_add_watch(vm->events, IO_FD_PATH(vm->steps[i].staging),
				       IN_CREATE | IN_MOVED_TO) >= 0;
	}
	/* A host can be short of them. Then it is looked at from time to time. */
	if (vm->events >= 0 && !good) {
		close(vm->events);
		vm->events = -1;
	}
	/* What has appeared before that. */
	if (vm_publish(vm))
		supervise_watch(supervisor, vm->events, vm_publish, vm);
}

static struct vm_step *plan(struct vm *vm, const struct qemuargs_resource *r, struct place *place)
{
	struct vm_step *step = vm_step(vm, place->path);

	step->prepare = prepare;
	step->give_back = give_back;
	step->place = *place;
	*place = (struct place){.dir = -1, .walk = {.fd = -1}};
	if (vm_has_own_root(vm))
		step->visible = xasprintf(PLACES "/%zu", vm->n_steps);
	else
		step->fd = vm_reserve(vm);
	cleanup_free char *path =
		xasprintf("%s/" SOCKET, step->visible ? step->visible : IO_FD_PATH(step->fd));
	qemuargs_set(vm->args, r->option, r->key, path);
	return step;
}

void vm_plan_published(struct vm *vm, const struct qemuargs_resource *r, struct place *place)
{
	plan(vm, r, place);
	vm_item(vm, r, ACTION_MAKE, xstrdup("bound by QEMU, and linked by root"));
}

void vm_plan_link(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *error = NULL;
	struct place place;

	/* A link that a killed runner has left is replaced. */
	if (!place_find_link(r->path, TERMINALS, &place) && !place_find(r->path, &place, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
	} else if (place.exists) {
		vm_refuse(vm, r, xstrdup("it exists; remove it first"));
	} else if (place.walk.unsafe) {
		vm_refuse(vm, r, xstrdup(place.walk.unsafe));
	} else if (vm_can_make(vm, r, &place)) {
		plan(vm, r, &place)->is_link = true;
		vm_item(vm, r, ACTION_MAKE,
			xstrdup("created as root, to the pseudo-terminal of QEMU"));
	}
	place_close(&place);
}
