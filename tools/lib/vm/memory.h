/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and directories that are the guest's memory. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_memory(struct vm *vm, size_t resource);
