/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/sandbox.h"

/*
 * What libvirt adds (qemuBuildSeccompSandboxCommandLine()), unless it is told not to. A
 * daemon forks and calls setsid(2) behind the filter, and is killed if it may not; without
 * capabilities and with no_new_privs it has nothing to elevate.
 */
void vm_plan_sandbox(struct vm *vm)
{
	if (vm->args->sandbox || vm->settings->seccomp_sandbox.value == 0)
		return;
	qemuargs_append(vm->args, "sandbox",
		vm->args->daemonize ? "on,obsolete=deny,resourcecontrol=deny"
		: vm->args->starts_programs
			? "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny"
			: "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
			  "resourcecontrol=deny");
}
