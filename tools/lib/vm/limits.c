/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/limits.h"

#include "base/log.h"
#include "vm/step.h"

#include <sys/resource.h>

void vm_plan_limits(struct vm *vm)
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
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
		xstrdup("the limit of locked memory can't be raised, which needs CAP_SYS_RESOURCE; "
			"have it raised before: ulimit -l unlimited, or LimitMEMLOCK=infinity of a "
			"unit"));
}
