/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -runas and -run-with user=, which name the account that QEMU is to become: the launch becomes
 * it, and QEMU, which is that already, must not see them.
 */
#pragma once

#include "launch/launch.h"
#include "qemu/args.h"

/*
 * Plans the launch (launch_plan()), as the account that QEMU's options name, which are removed, or
 * that of qemu.conf. The request has the command and the file of settings; its other strings become
 * new. False and a new message where root is asked for so, and qemu.conf does not say the same.
 */
bool vm_plan_launch(
	struct launch *launch, struct launch_request *request, struct qemuargs *args, char **error);

/*
 * Whether there is such an account, and a usable qemu.conf: plans a launch that is not carried out.
 * config: of the settings, or NULL; the command need not be there. False and a new message, or as
 * launch_plan().
 */
bool vm_try_account(const char *config, char *const *command, qemuargs_reader *read, char **error);
