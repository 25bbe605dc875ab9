/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ids of VMs that a killed virt-priv-run has left. */
#pragma once

#include <stdbool.h>

/*
 * Looks at each lock of an id that nobody holds any more. If no journal names the id whose claim is
 * held, and no QEMU that holds a claim has it, every process of it is ended, and the lock's file
 * removed: before abandoned claims are released, so that no process of the VM keeps its files from
 * that, or goes on writing to them. The journals are not locked. dry_run: prints what would be
 * removed. False: not all could be done, which is said.
 */
bool pool_recover(bool dry_run);
