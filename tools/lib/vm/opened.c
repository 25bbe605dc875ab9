/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/opened.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "vm/descriptors.h"
#include "vm/pass.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the descriptor is of: false and a refusal where that cannot be seen. */
static bool hold_descriptor(
	struct vm *vm, const struct qemuargs_resource *r, int fd, struct safepath *walk)
{
	char target[PATH_MAX];
	ssize_t n = readlink(IO_FD_PATH(fd), target, sizeof target - 1);

	*walk = (struct safepath){.fd = open(IO_FD_PATH(fd), O_PATH | O_CLOEXEC)};
	if (n > 0 && walk->fd >= 0 && fstat(walk->fd, &walk->st) == 0) {
		walk->path = xstrndup(target, (size_t)n);
		return true;
	}
	vm_refuse(vm, r, xasprintf("cannot look at descriptor %d: %s", fd, strerror(errno)));
	safepath_close(walk);
	return false;
}

/* QEMU truncates what it does not append to, which only a file can be. */
static bool can_be_written(const struct qemuargs_resource *r, const struct safepath *walk)
{
	return r->takes_set && (S_ISREG(walk->st.st_mode) || r->append || r->append_key);
}

/* A new string. */
static char *advice(const struct qemuargs_resource *r, const struct safepath *walk)
{
	if (S_ISREG(walk->st.st_mode))
		return xstrdup("name the file itself");
	if (!r->takes_set)
		return xstrdup("name a file");
	return xasprintf("use -chardev file,id=ID,path=/dev/fd/%s and chardev:ID", r->path);
}

/*
 * What QEMU opens once more, by a name such as /dev/stdout, it must be allowed to: a pipe or a
 * terminal is its user's alone. Where a set of descriptors will do, root opens it once more
 * instead.
 */
static void plan_opened_again(struct vm *vm, const struct qemuargs_resource *r, int fd)
{
	int wanted = r->access == ACCESS_RO ? R_OK : r->access == ACCESS_RW ? R_OK | W_OK : W_OK;
	struct safepath walk;

	if (!hold_descriptor(vm, r, fd, &walk))
		return;
	cleanup_free char *why = vm_why_named_denied(vm, &walk, wanted);
	if (S_ISSOCK(walk.st.st_mode)) {
		vm_refuse(vm, r,
			xstrdup("QEMU opens it once more, by its name, which cannot be done with a "
				"socket; name a file"));
	} else if (!why) {
		vm_item(vm, r, ACTION_PASS, xstrdup("opened by the caller"));
	} else if (can_be_written(r, &walk)) {
		cleanup_free char *set = vm_pass_written(vm, &walk);
		qemuargs_set(vm->args, r->option, r->key, set);
		if (!S_ISREG(walk.st.st_mode) && r->append_key)
			qemuargs_set_bool(vm->args, r->option, r->append_key, true);
		vm_item(vm, r, ACTION_PASS, xstrdup("opened by the caller, and again as root"));
	} else {
		cleanup_free char *help = advice(r, &walk);
		vm_refuse(vm, r,
			xasprintf("QEMU opens it once more, by its name: %s; %s", why, help));
	}
	safepath_close(&walk);
}

void vm_plan_fd(struct vm *vm, size_t i)
{
	const struct qemuargs_resource *resource = &vm->args->resources[i];
	char *end;
	long fd = strtol(resource->path, &end, 10);

	int flags = *end || end == resource->path || fd < 0 || fd > 1 << 20
			    ? -1
			    : fcntl((int)fd, F_GETFD);
	/* What came from the caller came through execve(2); what is closed there is our own. */
	if (flags < 0 || (fd > STDERR_FILENO && flags & FD_CLOEXEC)) {
		vm_refuse(vm, resource,
			xasprintf("descriptor %s is not open; the caller must open it first, as "
				  "in: %s<>FILE",
				resource->path, resource->path));
		return;
	}
	if (fd > STDERR_FILENO)
		vm_pass_fd(vm, (int)fd);
	if (resource->by_name)
		plan_opened_again(vm, resource, (int)fd);
	else
		vm_item(vm, resource, ACTION_PASS, xstrdup("opened by the caller"));
}
