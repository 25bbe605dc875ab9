/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UNIX sockets that QEMU itself must bind: of VNC, SPICE and incoming migrations, for which it
 * takes a path alone. The name that was asked for becomes the socket itself, and no name that
 * leads into a directory that QEMU could change: whoever changes mode or group of it changes
 * the socket and nothing else.
 *
 * Beside that name root makes a directory for the QEMU user, of which QEMU gets a descriptor, and
 * /proc/self/fd/N/socket as path. The monitor process holds that directory, too.
 * When the socket has appeared there, it takes a descriptor of it, looks at what it
 * holds (a socket, of the QEMU user), gives that a second name, the one that was asked for
 * (linkat(2), AT_EMPTY_PATH), and takes the first name and the directory away. What QEMU puts in
 * the place of the first name meanwhile is never followed, and not linked.
 *
 * So is a symbolic link to a pseudo-terminal that QEMU has opened: root makes one that leads to the
 * same, if that is a terminal of the QEMU user's.
 *
 * The descriptor is one of a mount of its own (open_tree(2)), from which ".." leads nowhere: the
 * QEMU user need not be able to search the directories above.
 *
 * Private to vm/.
 */
#pragma once

#include "vm/step.h"
#include "vm/supervise.h"

/* Plans it; takes the place. */
void vm_plan_published(struct vm *vm, const struct qemuargs_resource *r, struct place *place);
/* Plans a link to a pseudo-terminal (its index in args->resources). */
void vm_plan_link(struct vm *vm, size_t resource);

/* In the monitor process, once QEMU runs: watches for the sockets, while it supervises. */
void vm_watch_published(struct vm *vm, struct supervisor *supervisor);

/* Gives their names to those that are there; false: there is none left to wait for. */
bool vm_publish(void *vm);
