/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Notes the VM for others (claims/runtime_vm.h), before anything of it is prepared, until all is
 * given back; if a claim of it stays, the note stays with it. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/*
 * Whether the name is free of a VM whose QEMU outlived its virt-priv-run: with the note, what it
 * was started with would be lost. What cannot be determined is not free. False and a new message.
 */
bool vm_check_record(const struct vm *vm, char **error);

/* Plans it. */
void vm_plan_record(struct vm *vm);

/*
 * Notes QEMU's process, and what was claimed for it if it is this one that has claimed it. False
 * and a new message on failure.
 */
bool vm_record_qemu(struct vm *vm, pid_t pid, char **error);
