/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Locks of another QEMU on an image (path/image_locks.h). Private to vm/. */
#pragma once

#include "path/safepath.h"
#include "vm/state.h"

/*
 * Refuses what a QEMU that runs already has locked, with its name: this one would get no lock at
 * its start. resource: the image, or a copy with the path of the file that its header names, of
 * which no key of the option is.
 */
void vm_check_locks(struct vm *vm, const struct qemuargs_resource *resource,
	const struct safepath *walk, bool is_named_by_header);
