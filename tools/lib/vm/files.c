/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file that is read once can be replaced by a sealed memfd: a descriptor of the file itself
 * would not do, since QEMU opens it by a name, and is asked for permission then.
 */
#include "vm/files.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "vm/descriptors.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static bool seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
	       0;
}

static bool copy_file(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	cleanup_fd int from = safepath_reopen(step->object, O_RDONLY | O_NONBLOCK);
	cleanup_fd int to = memfd_create("virt-privileges", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n = -1;

	if (from >= 0 && to >= 0)
		do
			n = IO_RETRY(sendfile(to, from, NULL, (size_t)1 << 30));
		while (n > 0);
	if (n < 0 || !seal(to)) {
		*error = xasprintf("cannot copy %s for QEMU: %s", step->path, strerror(errno));
		return false;
	}
	return vm_fill(step->fd, steal_fd(&to), error);
}

static void plan_copy(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	struct vm_step *step = vm_step(vm, walk->path);

	step->prepare = copy_file;
	step->object = vm_keep(vm, walk->fd, walk->path);
	step->fd = vm_reserve(vm);
	qemuargs_set(vm->args, r->option, r->key, IO_FD_PATH(step->fd));
	vm_item(vm, r, ACTION_COPY, xasprintf("not readable by %s", vm->identity.user));
}

char *vm_document(struct vm *vm, const char *path, const char *text)
{
	cleanup_fd int fd = memfd_create("virt-privileges", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	cleanup_free char *error = NULL;
	size_t length = strlen(text);
	int reserved = vm_reserve(vm);

	if (fd < 0 || write(fd, text, length) != (ssize_t)length || !seal(fd))
		vm_fail(vm, xasprintf("cannot create the changed copy of %s: %s", path,
				    strerror(errno)));
	else if (!vm_fill(reserved, steal_fd(&fd), &error))
		vm_fail(vm, steal_pointer(&error));
	return xstrdup(IO_FD_PATH(reserved));
}

void vm_plan_file(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	struct safepath walk;
	bool is_missing = false;
	cleanup_free char *path = vm_reach(vm, r, &walk, r->is_searched ? &is_missing : NULL);

	if (is_missing)
		vm_item(vm, r, ACTION_LEAVE, xstrdup("one of QEMU's data files"));
	if (!path)
		return;
	if (!vm_is_denied(vm, &walk, R_OK))
		vm_item(vm, r, ACTION_CHECK, NULL);
	else if (walk.unsafe)
		vm_refuse(vm, r, xstrdup(walk.unsafe));
	else if (!S_ISREG(walk.st.st_mode))
		vm_check_access(vm, r, &walk, R_OK);
	else
		plan_copy(vm, r, &walk);
	safepath_close(&walk);
}

void vm_plan_directory(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	struct safepath walk;
	cleanup_free char *path = vm_reach(vm, r, &walk, NULL);

	if (!path)
		return;
	vm_check_access(vm, r, &walk, r->access == ACCESS_RO ? R_OK | X_OK : R_OK | W_OK | X_OK);
	safepath_close(&walk);
}

void vm_plan_noticed_file(
	struct vm *vm, const struct qemuargs_resource *resource, const char *file, bool creates)
{
	bool is_here = strcmp(file, ".") == 0;
	cleanup_free char *path = is_here ? getcwd(NULL, 0) : vm_absolute(vm, file);
	cleanup_free char *error = NULL;
	char *help = NULL;
	struct safepath walk;

	if (!path) {
		if (is_here)
			vm_differ(vm, resource, NULL);
		return;
	}
	if (safepath_open_from(&vm->claims.start, path, &walk, &error))
		error = vm_why_denied(vm, &walk, creates ? W_OK | X_OK : R_OK | W_OK, NULL, &help);
	if (error)
		vm_differ_helped(vm, resource, xasprintf("%s: %s", resource->reason, error), help);
	safepath_close(&walk);
}
