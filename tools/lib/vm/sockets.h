/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * UNIX sockets for which QEMU takes a descriptor: root binds the socket at the path that was
 * asked for, or connects to it, and QEMU gets it. Private to vm/.
 */
#pragma once

#include "vm/step.h"

/* Plan one resource (its index in args->resources). */
void vm_plan_listen(struct vm *vm, size_t resource);
void vm_plan_connect(struct vm *vm, size_t resource);

/*
 * Binds step->path in step->place, with step->mode or as umask says, as step->fd; and back.
 * step->finish is to be vm_listen_again().
 */
bool vm_bind_socket(struct vm *vm, struct vm_step *step, char **error);
bool vm_listen_again(struct vm_step *step, char **error);
void vm_remove_socket(struct vm *vm, struct vm_step *step);
