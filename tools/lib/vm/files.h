/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that QEMU reads whole, and directories that it reads. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plan one resource (its index in args->resources). */
void vm_plan_file(struct vm *vm, size_t resource);
/*
 * What QEMU opens as its user by itself, or creates in a directory (creates), and no resource is:
 * it differs for the reason of the resource, where that user may not.
 */
void vm_plan_noticed_file(
	struct vm *vm, const struct qemuargs_resource *resource, const char *file, bool creates);
void vm_plan_directory(struct vm *vm, size_t resource);

/* A document that QEMU reads in the place of a -readconfig file; its name, new. */
char *vm_document(struct vm *vm, const char *path, const char *text);
