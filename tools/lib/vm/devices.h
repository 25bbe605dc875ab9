/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes that QEMU opens by their names. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plan one resource (its index in args->resources). */
void vm_plan_device(struct vm *vm, size_t resource);
void vm_plan_pci(struct vm *vm, size_t resource);
void vm_plan_usb(struct vm *vm, size_t resource);
void vm_plan_kvm_node(struct vm *vm, size_t resource);

/* Plans /dev/kvm, where the command line asks for KVM and nothing else, and names no other node. */
void vm_plan_kvm(struct vm *vm);
