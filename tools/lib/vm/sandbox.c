/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/sandbox.h"

#include <string.h>

/* Whether QEMU starts programs, which a filter can forbid. */
static bool starts_programs(const struct vm *vm)
{
	for (size_t i = 0; i < vm->args->n_options; i++) {
		const char *name = vm->args->options[i].name;
		if (strcmp(name, "incoming") == 0) {
			const char *value = qemuargs_get(vm->args, i, NULL);
			if (value && strncmp(value, "exec:", 5) == 0)
				return true;
		} else if (strcmp(name, "netdev") == 0 || strcmp(name, "nic") == 0 ||
			   strcmp(name, "net") == 0) {
			if (qemuargs_get(vm->args, i, "smb") ||
				qemuargs_get(vm->args, i, "guestfwd"))
				return true;
		}
	}
	return false;
}

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
		: starts_programs(vm)
			? "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny"
			: "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
			  "resourcecontrol=deny");
}
