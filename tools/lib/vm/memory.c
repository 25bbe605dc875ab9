/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/memory.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "vm/descriptors.h"
#include "vm/logs.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make_directory(struct vm *vm, struct vm_step *step, char **error)
{
	const char *name = step->name;
	int dir = step->place.dir;
	struct stat st;

	/* What a killed runner left; it is empty, since QEMU's files there have no name. */
	unlinkat(dir, name, AT_REMOVEDIR);
	if (mkdirat(dir, name, 0700) < 0) {
		*error = xasprintf(
			"cannot create the directory %s: %s", step->path, strerror(errno));
		return false;
	}
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
		fchown(fd, vm->identity.uid, vm->identity.gid) < 0) {
		*error = xasprintf("cannot change the owner of the directory %s to %s: %s",
			step->path, vm->identity.user, strerror(errno));
		unlinkat(dir, name, AT_REMOVEDIR);
		return false;
	}
	return true;
}

static void remove_directory(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	if (unlinkat(step->place.dir, step->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		warn_errno("cannot remove the directory %s", step->path);
}

/* QEMU makes a file without a name there: in hugetlbfs, which is root's, or in a tmpfs. */
static void plan_memory_directory(
	struct vm *vm, const struct qemuargs_resource *r, struct safepath *walk)
{
	if (!vm_is_denied(vm, walk, R_OK | W_OK | X_OK)) {
		vm_item(vm, r, ACTION_CHECK, NULL);
		return;
	}
	char *help = NULL;
	char *why =
		walk->unsafe ? xstrdup(walk->unsafe) : vm_why_denied(vm, walk, X_OK, NULL, &help);
	if (why) {
		vm_refuse_helped(vm, r, why, help);
		return;
	}
	cleanup_free char *path = xasprintf("%s/virt-privileges-%s", walk->path, vm->name);
	struct vm_step *step = vm_step(vm, path);
	step->prepare = make_directory;
	step->give_back = remove_directory;
	step->place.dir = vm_keep(vm, walk->fd, walk->path);
	step->name = xasprintf("virt-privileges-%s", vm->name);
	qemuargs_set(vm->args, r->option, r->key, path);
	vm_item(vm, r, ACTION_MAKE, xasprintf("QEMU uses the directory %s", path));
}

/*
 * What others see too, as a viewer the frames of a guest (ivshmem, kvmfr), stays theirs where the
 * QEMU user may use it as it is. It opens it by its name then, and root does nothing with it; but
 * in a VM's own root directory, root would mount it.
 */
static bool is_others(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	return (r->shared || S_ISCHR(walk->st.st_mode)) && !(walk->unsafe && vm_has_own_root(vm)) &&
	       !vm_is_denied(vm, walk, R_OK | W_OK);
}

void vm_plan_memory(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	struct safepath walk;
	bool is_missing;
	cleanup_free char *path = vm_reach(vm, r, &walk, &is_missing);

	if (is_missing)
		vm_plan_log(vm, resource);
	if (!path)
		return;
	if (S_ISDIR(walk.st.st_mode))
		plan_memory_directory(vm, r, &walk);
	else if (r->access != ACCESS_RO && is_others(vm, r, &walk))
		vm_item(vm, r, ACTION_CHECK, xstrdup("guest memory, shared"));
	else if (r->access == ACCESS_RO)
		vm_add_claim(vm, r,
			&(struct claim_request){
				.path = r->path, .action = ACTION_CHECK, .access = ACCESS_RO});
	else if (walk.unsafe && S_ISREG(walk.st.st_mode))
		vm_plan_log(vm, resource);
	else
		vm_add_claim(vm, r,
			&(struct claim_request){.path = r->path,
				.action = ACTION_CLAIM,
				.access = ACCESS_RW,
				.is_device = S_ISCHR(walk.st.st_mode)});
	safepath_close(&walk);
}
