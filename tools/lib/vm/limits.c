/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/limits.h"

#include "base/log.h"
#include "vm/step.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

bool vm_raise_limits(struct vm *vm, char **error)
{
	if (getrlimit(RLIMIT_NOFILE, &vm->files) < 0) {
		*error = xasprintf(
			"cannot get the limit of open files (RLIMIT_NOFILE): %s", strerror(errno));
		return false;
	}
	struct rlimit wanted = vm->files;
	wanted.rlim_cur = vm->files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &wanted);
	return true;
}

void vm_plan_limits(struct vm *vm)
{
	struct rlimit now;

	if (!vm->args->locks_memory || getrlimit(RLIMIT_MEMLOCK, &now) < 0 ||
		now.rlim_cur == RLIM_INFINITY)
		return;
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) {
		setrlimit(RLIMIT_MEMLOCK, &now);
		return;
	}
	struct qemuargs_resource r = {.kind = RESOURCE_MEMORY,
		.access = ACCESS_RW,
		.source = (char *)"locked memory",
		.reason = (char *)""};
	vm_refuse(vm, &r,
		xstrdup("cannot raise the limit of locked memory (RLIMIT_MEMLOCK) without "
			"CAP_SYS_RESOURCE; raise it before: ulimit -l unlimited, or "
			"LimitMEMLOCK=infinity in the unit"));
}

bool vm_set_limits(const struct vm *vm, char **error)
{
	struct rlimit now;

	if (vm->args->locks_memory && getrlimit(RLIMIT_MEMLOCK, &now) == 0 &&
		now.rlim_cur != RLIM_INFINITY && setrlimit(RLIMIT_MEMLOCK, &unlimited) < 0) {
		*error = xasprintf("cannot raise the limit of locked memory (RLIMIT_MEMLOCK), "
				   "which needs CAP_SYS_RESOURCE: %s",
			strerror(errno));
		return false;
	}
	if (vm->n_fds < vm->files.rlim_cur / 4 && setrlimit(RLIMIT_NOFILE, &vm->files) < 0) {
		*error = xasprintf("cannot restore the limit of open files (RLIMIT_NOFILE): %s",
			strerror(errno));
		return false;
	}
	return true;
}
