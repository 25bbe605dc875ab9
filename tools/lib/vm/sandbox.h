/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seccomp filter that QEMU sets up for itself. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Asks QEMU for what libvirt asks for, where neither the command line nor qemu.conf say otherwise.
 */
void vm_plan_sandbox(struct vm *vm);
