/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -runas and -run-with user=, which name the account that QEMU is to become: the launch becomes
 * it, and QEMU, which is that already, must not see them.
 */
#pragma once

#include "launch/launch.h"
#include "qemu/args.h"

/* Moves the account from QEMU's options to the request, as new strings. */
void vm_take_run_as(struct qemuargs *args, struct launch_request *request);

/* False and a new message where root is asked for so, and qemu.conf does not say the same. */
bool vm_check_run_as(
	const struct launch *launch, const struct launch_request *request, char **error);
