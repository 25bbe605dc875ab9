/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the caller has opened for QEMU, and the command line names by its number, or as a file:
 * /dev/stdout, /proc/self/fd/7. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plans a descriptor that the command line names (its index in args->resources). */
void vm_plan_fd(struct vm *vm, size_t resource);
