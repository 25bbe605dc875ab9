/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tap devices, bridges, and vhost devices of the kernel. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plan one resource (its index in args->resources). */
void vm_plan_network(struct vm *vm, size_t resource);
void vm_plan_vhost(struct vm *vm, size_t resource);
