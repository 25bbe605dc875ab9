/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The isolation of a VM (isolate/isolation.h), made from its plan: which layers, who it is, what of
 * the host it sees. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * Before anything else is planned: which layers there are, by vm->isolation.mode and the settings,
 * and an id for the VM, which becomes its identity and label. False and a new message on failure.
 */
bool vm_begin_isolation(struct vm *vm, char **error);

/*
 * When all is planned: what is visible, and what the command line needs. program is QEMU's
 * executable as it was found; command as vm_command() made it. False and a new message on failure.
 */
bool vm_plan_isolation(struct vm *vm, const char *program, char *const *command, char **error);

/*
 * In QEMU's process, with the claims made: as root, before its ids change; and as the account, with
 * the steps finished. context is the VM. False and a new message on failure.
 */
bool vm_enter_isolation(void *context, char **error);
bool vm_restrict_isolated(struct vm *vm, char **error);

/* After QEMU's end: ends what else has the VM's id. False: something is left, which is said. */
bool vm_end_isolated(struct vm *vm);
/* When all is given back: the id is free for others. */
void vm_let_go_of_id(struct vm *vm);
