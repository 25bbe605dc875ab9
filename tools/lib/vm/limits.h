/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of resources (getrlimit(2)): this program's while it plans, and QEMU's. */
#pragma once

#include "vm/state.h"

/*
 * Raises the limit of open files to the hard one, since each resource is held while all are
 * planned, and keeps what it was in vm->files. False and a new message on failure.
 */
bool vm_raise_limits(struct vm *vm, char **error);

/* What QEMU locks must be within its limit: tried here, so that nothing has to be undone. */
void vm_plan_limits(struct vm *vm);

/*
 * In QEMU's process: what QEMU is to lock, and the descriptors that it gets, are within its
 * limits. False and a new message on failure.
 */
bool vm_set_limits(const struct vm *vm, char **error);
