/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a step makes at its place, and takes away again if it still is that. Private to vm/.
 */
#pragma once

#include "vm/step.h"

/*
 * Takes away a socket or link at step->place that is root's or a socket of the account's, as an
 * earlier run leaves it. False and a new message: something else is there.
 */
bool vm_clear_place(const struct vm *vm, const struct vm_step *step, char **error);

/* Takes away what was made at step->place, if it still is that; says what it can't. */
void vm_remove_made(const struct vm_step *step);
