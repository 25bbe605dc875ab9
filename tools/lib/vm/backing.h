/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the header of an image names is the guest's word: root does nothing to such a file unless
 * the command line, or --backing, names it too. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * Plans what the header of the image r at path, absolute and opened as walk, names as its backing
 * and data file, and what is named there in turn.
 */
void vm_follow_header(struct vm *vm, const struct qemuargs_resource *r, const char *path,
	const struct safepath *walk);
