/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that QEMU gets as descriptors: in the place of a name, or in a set (-add-fd), a
 * descriptor for each way in which QEMU will open it. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* "/dev/fdset/N", new: the object as an image that is opened in these ways. */
char *vm_pass_set(
	struct vm *vm, const struct safepath *walk, bool reads, bool writes_too, bool direct);

/* "/dev/fdset/N", new: the object, opened to be written. */
char *vm_pass_written(struct vm *vm, const struct safepath *walk);

/* Names the image by a descriptor: the QEMU user may open it, but not search its parent
 * directories. */
void vm_pass_by_name(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk);
