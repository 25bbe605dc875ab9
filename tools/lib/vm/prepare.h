/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carries the steps of a plan out, in order, and undoes them, the last one first.
 */
#pragma once

#include "vm/state.h"

/* Does the steps; says what failed, gives back what was done, and returns false then. */
bool vm_prepare(struct vm *vm);
/* In QEMU's process, as the account: what remains of the steps. Ends the program if it can't. */
void vm_finish(struct vm *vm);
/* In the process that stays: closes all descriptors of the VM's resources. */
void vm_let_go(struct vm *vm);
/* The steps alone that were done: where the program ends early. */
void vm_undo(struct vm *vm);
