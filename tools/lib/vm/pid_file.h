/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the process id: QEMU would write it before it drops anything, so it is
 * written here, and locked as QEMU locks it (qemu_write_pidfile() in util/oslib-posix.c).
 *
 * Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_pid_file(struct vm *vm, size_t resource);

/* Writes the file of -pidfile, if there is one. False and a new message on failure. */
bool vm_write_pid(struct vm *vm, pid_t pid, char **error);
