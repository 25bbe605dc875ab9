/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM as a unit is ready when QEMU has answered a command on its control socket (runtime.h): it
 * answers in its main loop, which begins when all that its command line asks for is there. Until
 * then, systemctl start waits, and fails if QEMU ends.
 *
 * Private to vm/.
 */
#pragma once

#include "vm/state.h"
#include "vm/supervise.h"

/*
 * In the monitor process, when QEMU is about to be executed: has its control socket looked at while
 * it is supervised, and tells the service manager when it answers; nothing where nobody wants to
 * know. What cannot be told is warned of.
 */
void vm_watch_ready(struct vm *vm, struct supervisor *supervisor);

/* QEMU has ended, with that exit status: one that has ended well was ready, however short it ran.
 */
void vm_tell_end(struct vm *vm, int status);
