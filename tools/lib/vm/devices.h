/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes of the host: claimed, or opened as root and passed. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Plan one resource (its index in args->resources). */
void vm_plan_device(struct vm *vm, size_t resource);
void vm_plan_pci(struct vm *vm, size_t resource);
void vm_plan_usb(struct vm *vm, size_t resource);
void vm_plan_kvm_node(struct vm *vm, size_t resource);

/* Plans /dev/kvm, where the command line asks for KVM and nothing else, and names no other node. */
void vm_plan_kvm(struct vm *vm);

/* Plans one of which QEMU can get a descriptor: a vhost device, or /dev/iommu. */
void vm_plan_passed_node(struct vm *vm, size_t resource);

/*
 * Opens a character device for reading and writing, at the reserved descriptor (vm_reserve()).
 * False and a new message on failure.
 */
bool vm_open_node(const char *path, int reserved, char **error);
