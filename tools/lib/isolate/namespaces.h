/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Namespaces of the VM's own (namespaces(7)). There is no pid namespace: its first process would
 * end all others with it, and of a QEMU that becomes a daemon that is the one that returns to the
 * caller. There is no user namespace: it keeps nothing away from a process that has no capability.
 *
 * Private to isolate/.
 */
#pragma once

#include "isolate/isolation.h"

/*
 * Why this kernel has not the namespaces of the layer, or makes no more of them, a new message;
 * NULL: nothing is known.
 */
char *namespaces_why_not(enum isolate_layer layer);

/*
 * Leaves those of the host, and has the kernel confirm that each that was asked for is another one
 * now, and no other one is. The host name becomes that of the VM. False and a new message on
 * failure. Needs CAP_SYS_ADMIN.
 */
bool namespaces_unshare(const struct isolation *isolation, char **error);
