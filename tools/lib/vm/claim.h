/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM claims: planned with the command line, planned again and made by QEMU's process, which
 * holds the claim, and given back after its end.
 *
 * Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * For vm_plan(), with the lock of the journals: gives back what a killed runner has left of a VM
 * of that name, if its QEMU is gone too. What others have locked is waited for without that lock.
 * False and a new message on failure; where it can't be had again, it is not held then.
 */
bool vm_recover_abandoned(struct vm *vm, char **error);
/* Begins vm->claims; false and a new message where the name has a claim. And ends them, and
 * unlocks. */
bool vm_begin_claims(struct vm *vm, char **error);
void vm_end_claims(struct vm *vm);

/*
 * In QEMU's process: plans the claims again, since the lock was let go of, records the process
 * as their holder and makes them. False and a new message on failure.
 */
bool vm_claim(struct vm *vm, char **error);

/* Another process than vm->holder has the VM now: QEMU's daemon. */
bool vm_new_holder(struct vm *vm, pid_t holder, char **error);

/*
 * After the end of vm->holder: the claims that are its own, then the steps, the last one first.
 * False: not all could be.
 */
bool vm_give_back(struct vm *vm);
/* The steps alone: the claims stay until recover. False. */
bool vm_leave_claims(struct vm *vm);
