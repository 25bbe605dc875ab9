/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/scratch.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/runtime_dir.h"
#include "path/roots.h"
#include "vm/home.h"
#include "vm/isolation.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_scratch(char **error)
{
	struct stat st;

	/* What it lies in is there: the journals are. */
	if (mkdir(SCRATCH_DIR, 0700) < 0 && errno != EEXIST) {
		error_set_errno(error, "cannot create the directory " SCRATCH_DIR);
		return -1;
	}
	cleanup_fd int fd = open(SCRATCH_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set_errno(error, "cannot open the directory " SCRATCH_DIR);
		return -1;
	}
	cleanup_free char *why = roots_why_not(fd, &st, SCRATCH_DIR, "look into it", NULL);
	if (!why)
		return steal_fd(&fd);
	error_set(error, "cannot trust the directory " SCRATCH_DIR ": %s", why);
	return -1;
}

/* Whatever QEMU has left in it, which is emptied as its user. */
static bool remove_directory(int scratch, const char *name)
{
	if (unlinkat(scratch, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return true;
	cleanup_fd int fd = openat(scratch, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		vm_home_empty(fd);
	return unlinkat(scratch, name, AT_REMOVEDIR) == 0;
}

static bool make(struct vm *vm, struct vm_step *step, char **error)
{
	step->place.dir = open_scratch(error);
	if (step->place.dir < 0)
		return false;
	if (!remove_directory(step->place.dir, vm->name) ||
		mkdirat(step->place.dir, vm->name, 0700) < 0)
		return error_set_errno(error, "cannot create the directory %s", step->path);
	cleanup_fd int fd =
		openat(step->place.dir, vm->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchown(fd, vm->identity.uid, vm->identity.gid) == 0)
		step->object =
			open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (step->object >= 0)
		return true;
	error_set_errno(error, "cannot give QEMU the directory %s", step->path);
	remove_directory(step->place.dir, vm->name);
	return false;
}

static void give_back(struct vm *vm, struct vm_step *step)
{
	if (!remove_directory(step->place.dir, vm->name))
		warn_errno("cannot remove the directory %s, left by QEMU", step->path);
}

static bool writes_snapshots(const struct qemuargs *args)
{
	bool any = args->snapshot;

	for (size_t i = 0; i < args->n_resources; i++)
		any |= args->resources[i].snapshot;
	return any;
}

void vm_plan_scratch(struct vm *vm)
{
	cleanup_free char *path = xasprintf(SCRATCH_DIR "/%s", vm->name);

	if (!vm_has_own_root(vm) || !writes_snapshots(vm->args))
		return;
	struct vm_step *step = vm_step(vm, path);
	step->visible = xstrdup("/tmp");
	step->prepare = make;
	step->give_back = give_back;
}
