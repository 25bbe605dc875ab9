/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * User networking by passt(1). QEMU would start it, but behind a filter that lets it start programs
 * passt cannot make the namespaces that it confines itself to. So it is started before QEMU, as
 * the same user and with as few privileges, and QEMU gets its socket; the filter stays as it is.
 *
 * passt is ready when the process that was started exits: its daemon goes on, as a child of this
 * one (PR_SET_CHILD_SUBREAPER(2const)), so that no other process can have its number. It ends when
 * QEMU closes the socket, and is ended when the VM is given back. Private to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plans one resource (its index in args->resources). */
void vm_plan_passt(struct vm *vm, size_t resource);

/* Once QEMU has ended: ends them, before what else has the VM's id. */
void vm_end_passt(struct vm *vm);

/* Once QEMU runs: says when one of them ends before it, while it is supervised. */
void vm_watch_passt(struct vm *vm, struct supervisor *supervisor);
