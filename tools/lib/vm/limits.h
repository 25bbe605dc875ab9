/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Limits of resources (getrlimit(2)) that QEMU needs. Private to vm/. */
#pragma once

#include "vm/state.h"

/* What QEMU locks must be within its limit: tried here, so that nothing has to be undone. */
void vm_plan_limits(struct vm *vm);
