/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks, their backing files, and flash memory. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_image(struct vm *vm, size_t resource);
