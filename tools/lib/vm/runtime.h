/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a virtual machine of virt-priv-run has below RUNTIME_DIR: NAME, a directory of the
 * QEMU user's own, its HOME (home.h); and NAME.qmp, a socket of root's with which the VM
 * can be asked to shut down.
 *
 * RUNTIME_DIR is root's, so nobody else can put anything in the place of either.
 */
#pragma once

#include "vm/state.h"

/*
 * The name of a VM, new: that of --name or, where that is NULL, of QEMU's -name if it can be one,
 * or of this process. NULL and a new message if it is that of a control socket.
 */
char *vm_choose_name(const char *asked, const struct qemuargs *args, pid_t pid, char **error);

/*
 * Takes the VM's name for as long as this process has it: until all is given back, nobody
 * else can start a VM of that name. False and a new message if somebody has it. However the
 * program ends, what was prepared for a QEMU that does not run is undone, and the name let go of:
 * vm must live as long.
 */
bool vm_take_name(struct vm *vm, char **error);
void vm_let_go_of_name(struct vm *vm);

/* Plans the directory and, with vm->control, the socket. */
void vm_plan_runtime(struct vm *vm);

/* "/run/virt-privileges/NAME", new. */
char *vm_runtime_directory(const char *name);
/* "/run/virt-privileges/NAME.qmp", new. */
char *vm_control_socket(const char *name);
