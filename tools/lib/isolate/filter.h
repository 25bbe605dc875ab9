/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seccomp filter of an isolated QEMU, below the one that QEMU sets up for itself (-sandbox).
 *
 * It is a list of what no VM needs, and everything else is allowed: a list of what is allowed would
 * end VMs whenever a new QEMU or C library makes a new call. What is on it fails with EPERM, as it
 * does in a container, and ends nothing; clone3(2), whose flags a filter can't see, fails with
 * ENOSYS, as the C library expects. What calls of another ABI do can't be told, so all of them
 * fail.
 *
 * Needs no_new_privs. Private to isolate/.
 */
#pragma once

#include "isolate/isolation.h"

/* Why this kernel takes no filter, a new message; NULL: it does. */
char *filter_why_not(void);

/*
 * Installs it for the calling process, and has the kernel confirm that: one filter more in its
 * status (since Linux 5.9), and calls that now fail. False and a new message on failure.
 */
bool filter_install(const struct isolation *isolation, char **error);
