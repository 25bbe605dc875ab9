/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --share adds to what an isolated VM sees. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * Adds the paths of vm->shares to those of the isolation, whose home is known. False and a new
 * message: one is not written as it must be, is not there, or must not be shown.
 */
bool vm_add_shares(struct vm *vm, char **error);
