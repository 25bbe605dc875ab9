/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room on disk for what an isolated QEMU writes with -snapshot, into a file of /tmp that it
 * unlinks: as much as the guest writes, for which the VM's own /tmp, in memory, is too small. It is
 * a directory of the VM's in SCRATCH_DIR, and taken away at the end; QEMU sees it as /tmp. Private
 * to vm/.
 */
#pragma once

#include "vm/state.h"

/* Plans it, where the command line needs it and QEMU has a root directory of its own. */
void vm_plan_scratch(struct vm *vm);
