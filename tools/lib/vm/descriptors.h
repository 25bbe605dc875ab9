/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The descriptors that QEMU gets: the caller's (opened.h), and those whose numbers are reserved
 * while the command line is planned, so that it can name them. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * Reserves a descriptor number for QEMU: nothing else gets it. -1, and vm_fail(): there is none.
 */
int vm_reserve(struct vm *vm);
/* Puts fd, which it closes, in the place of a reserved number. False and a new message on failure.
 */
bool vm_fill(int reserved, int fd, char **error);
/* Another descriptor of what fd is, for a step; path is for messages. -1, and vm_fail(). */
int vm_keep(struct vm *vm, int fd, const char *path);
/* QEMU gets the descriptor under its own number. */
void vm_pass_fd(struct vm *vm, int fd);
