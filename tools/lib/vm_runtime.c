/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm_runtime.h"

#include "boot.h"
#include "cleanup.h"
#include "creds.h"
#include "log.h"
#include "trust.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

char *vm_runtime_directory(const char *name)
{
	return xasprintf(RUNTIME_DIR "/%s", name);
}

char *vm_control_socket(const char *name)
{
	return xasprintf(RUNTIME_DIR "/%s.qmp", name);
}

/* RUNTIME_DIR, which must be root's alone. */
static int open_runtime(char **error)
{
	struct stat st;

	if (mkdir(RUNTIME_DIR, 0755) < 0 && errno != EEXIST) {
		*error = xasprintf("can't make the directory " RUNTIME_DIR ": %s", strerror(errno));
		return -1;
	}
	cleanup_fd int fd = open(RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*error = xasprintf("can't open the directory " RUNTIME_DIR ": %s", strerror(errno));
		return -1;
	}
	cleanup_free char *why = trust_why_not_roots(fd, &st, RUNTIME_DIR, "look into it");
	if (why) {
		*error = xasprintf("can't trust the directory " RUNTIME_DIR
				   ": others than root can write to it: %s",
			why);
		return -1;
	}
	return steal_fd(&fd);
}

static struct vm *named; /* has a name to let go of */
static pid_t taker;

/*
 * Where the program ends early; a child has taken no name. A QEMU that runs keeps what it has,
 * and what it may have claimed is left to recover.
 */
static void let_go_at_exit(void)
{
	if (!named || getpid() != taker)
		return;
	if (named->holder > 0)
		named->was_claimed = true;
	if (!named->runs)
		vm_undo(named);
	vm_let_go_of_name(named);
}

bool vm_take_name(struct vm *vm, char **error)
{
	cleanup_free char *name = xasprintf(".%s.lock", vm->name);
	cleanup_fd int runtime = open_runtime(error);
	struct stat ours, now;

	while (runtime >= 0) {
		cleanup_fd int fd =
			openat(runtime, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || fstat(fd, &ours) < 0) {
			*error = xasprintf("can't open the lock " RUNTIME_DIR "/%s: %s", name,
				strerror(errno));
			return false;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			*error = errno == EWOULDBLOCK
					 ? xasprintf("a VM of the name %s runs, or is being given "
						     "back; another name: --name",
						   vm->name)
					 : xasprintf("can't lock " RUNTIME_DIR "/%s: %s", name,
						   strerror(errno));
			return false;
		}
		/* Whoever had it before may have taken the file away meanwhile. */
		if (fstatat(runtime, name, &now, AT_SYMLINK_NOFOLLOW) < 0 ||
			now.st_ino != ours.st_ino)
			continue;
		vm->name_fd = steal_fd(&fd);
		named = vm;
		taker = getpid();
		atexit(let_go_at_exit);
		return true;
	}
	return false;
}

void vm_let_go_of_name(struct vm *vm)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/.%s.lock", vm->name);

	if (vm->name_fd < 0)
		return;
	if (unlink(path) < 0 && errno != ENOENT)
		warn_errno("can't remove %s", path);
	close(vm->name_fd);
	vm->name_fd = -1;
	named = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	if (ftw->level > 0 && remove(path) < 0)
		warn_errno("can't remove %s of the VM's directory", path + strlen("./"));
	return 0;
}

/*
 * Empties a directory of the QEMU user's as that user: whatever else he put there, or moves
 * meanwhile, he could have removed himself.
 */
static void empty_directory(int dir, const struct stat *st)
{
	pid_t pid = fork();

	if (pid < 0) {
		warn_errno("can't start a process that empties the VM's directory");
		return;
	}
	if (pid == 0) {
		struct creds creds = {.uid = st->st_uid, .gid = st->st_gid};
		int result = fchdir(dir);
		if (result == 0 && st->st_uid != 0)
			creds_drop(&creds);
		if (result == 0)
			result = nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		if (result < 0)
			warn_errno("can't empty the VM's directory");
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool remove_directory(int runtime, const char *name, char **error)
{
	struct stat st;
	cleanup_fd int fd = openat(runtime, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd >= 0 && unlinkat(runtime, name, AT_REMOVEDIR) == 0)
		return true;
	if (fd >= 0 && fstat(fd, &st) == 0) {
		empty_directory(fd, &st);
		if (unlinkat(runtime, name, AT_REMOVEDIR) == 0)
			return true;
	}
	*error = xasprintf(
		"can't remove the directory " RUNTIME_DIR "/%s: %s", name, strerror(errno));
	return false;
}

static bool make_runtime(struct vm *vm, struct vm_step *step, char **error)
{
	int runtime = open_runtime(error);

	if (runtime < 0)
		return false;
	step->place.dir = runtime;
	if (!remove_directory(runtime, vm->name, error))
		return false;
	if (mkdirat(runtime, vm->name, 0700) < 0) {
		*error = xasprintf("can't make the directory %s: %s", step->path, strerror(errno));
		return false;
	}
	cleanup_fd int fd =
		openat(runtime, vm->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchown(fd, vm->identity.uid, vm->identity.gid) < 0) {
		*error = xasprintf("can't give the directory %s to %s: %s", step->path,
			vm->identity.user, strerror(errno));
		unlinkat(runtime, vm->name, AT_REMOVEDIR);
		return false;
	}
	return true;
}

static void remove_runtime(struct vm *vm, struct vm_step *step)
{
	cleanup_free char *error = NULL;

	if (!remove_directory(step->place.dir, vm->name, &error))
		warn("%s", error);
}

static bool bind_control(struct vm *vm, struct vm_step *step, char **error)
{
	step->place.dir = open_runtime(error);
	if (step->place.dir < 0)
		return false;
	step->place.dir_path = xstrdup(RUNTIME_DIR);
	step->place.name = xasprintf("%s.qmp", vm->name);
	step->place.is_roots = true;
	return vm_bind_socket(vm, step, error);
}

/* Another monitor beside those that the command line may have. */
static void plan_control(struct vm *vm)
{
	cleanup_free char *path = vm_control_socket(vm->name);
	struct vm_step *step = vm_step(vm, path);

	step->prepare = bind_control;
	step->give_back = vm_remove_socket;
	step->mode = 0600;
	step->fd = vm_reserve(vm);
	cleanup_free char *chardev =
		xasprintf("socket,id=virt-privileges-control,fd=%d,server=on,wait=off", step->fd);
	qemuargs_append(vm->args, "chardev", chardev);
	qemuargs_append(vm->args, "mon", "chardev=virt-privileges-control,mode=control");
}

void vm_plan_runtime(struct vm *vm)
{
	cleanup_free char *path = vm_runtime_directory(vm->name);
	struct vm_step *step = vm_step(vm, path);

	step->prepare = make_runtime;
	step->give_back = remove_runtime;
	if (vm->control)
		plan_control(vm);
}
