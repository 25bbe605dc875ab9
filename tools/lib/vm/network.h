/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tap devices and bridges. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_network(struct vm *vm, size_t resource);
