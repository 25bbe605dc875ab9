/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP ports on which QEMU is to listen. Private to vm/. */
#pragma once

#include "vm/state.h"

/* Refuses a port that takes a capability, unless this host lets every user bind it. */
void vm_plan_low_port(struct vm *vm, const struct qemuargs_notice *notice);

/* Refuses a port on which somebody listens already. */
void vm_plan_listening_port(struct vm *vm, const struct qemuargs_port *port);
