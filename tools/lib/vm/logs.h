/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that QEMU makes, or opens for writing where they exist. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_log(struct vm *vm, size_t resource);
