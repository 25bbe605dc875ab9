/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QEMU's program, which is executed by the QEMU user. Private to vm/. */
#pragma once

#include "vm/state.h"

/*
 * Adds an item where the QEMU user may not execute the file, or not read the script. path: as it
 * was found. Where the VM has a root directory of its own, that has the file, and its parent
 * directories are others.
 */
void vm_plan_program(struct vm *vm, const char *path);

/* The same where root cannot execute it, or there is none: launch_search() has found the error. */
void vm_plan_no_program(struct vm *vm, const char *found, int error);
