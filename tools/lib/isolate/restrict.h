/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of an isolation that needs no privilege but no_new_privs: in QEMU's process, when it is
 * the VM's account already, right before it executes QEMU.
 */
#pragma once

#include "isolate/isolation.h"

/*
 * fds are the descriptors that QEMU gets, beside the standard ones. One that is a directory is a
 * way around the VM's root directory, and refused. In the end Landlock and the filter are in force,
 * and have shown to be. False and a new message on failure.
 */
bool isolate_restrict(
	const struct isolation *isolation, const int *fds, size_t n_fds, char **error);
