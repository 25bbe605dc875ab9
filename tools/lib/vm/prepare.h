/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries the steps of a plan out, in order, and undoes them, the last one first.
 *
 * Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Does the steps. False and a new message if one fails; those before it are undone then. */
bool vm_prepare(struct vm *vm, char **error);
/* In QEMU's process, as the account: what remains of the steps. False and a new message on failure.
 */
bool vm_finish(struct vm *vm, char **error);
/* In the monitor process: closes all descriptors of the VM's resources. */
void vm_let_go(struct vm *vm);
/* The steps alone that were done: where the program ends early. */
void vm_undo(struct vm *vm);
