/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One mount, by the number that only it ever has: statmount(2), Linux 6.8; all that is wanted here
 * since 6.13. A host has a mount for each VM and container, and mountinfo tells of all or none.
 * Private to path/.
 */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The mount with the number that statx(2) tells with STATX_MNT_ID_UNIQUE, as proc_mountinfo_next()
 * has it (but of its options only what its file system itself says), for proc_mount_free(), and the
 * number of the one that it is mounted on; the mount that is the root of all has its own there.
 * False: this kernel does not tell all of it, or no such mount is to be seen from here.
 */
bool statmount_ask(uint64_t unique, struct proc_mount *mount, uint64_t *parent);
