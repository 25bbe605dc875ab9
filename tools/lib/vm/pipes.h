/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The named pipes of a character device, which QEMU opens for reading and writing: PATH.in and
 * PATH.out, or, where it cannot open both, PATH (chardev/char-pipe.c). Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Adds items: a check of what QEMU will open, or why it cannot. */
void vm_plan_pipe(struct vm *vm, size_t resource);
