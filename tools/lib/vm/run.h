/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a VM that is planned: prepares it, starts QEMU, stays until its end, and gives everything
 * back. QEMU is this process's child, which makes the claims and then becomes QEMU.
 */
#pragma once

#include "launch/launch.h"
#include "vm/state.h"
#include "vm/supervise.h"

/*
 * command is QEMU's, as vm_command() made it. *status is what the program is to end with:
 * QEMU's exit status, or LAUNCH_FAILED where something could not be given back, which is said.
 * False and a new message: QEMU was not started, and what was prepared is undone when the
 * program ends. That happens in the child, too, where it can't become QEMU.
 */
bool vm_run(struct vm *vm, struct launch *launch, char **command, struct supervisor *supervisor,
	int *status, char **error);
