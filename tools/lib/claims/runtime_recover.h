/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What runners of VMs that were killed have left in RUNTIME_DIR (runtime_dir.h). */
#pragma once

#include <stdbool.h>

/*
 * Removes those directories of VMs that nobody has, by their lock and their claim: what killed
 * runners have left. One that is not empty, or may not be unmounted (by the filter of
 * virt-priv-recover.service, at whose time there are none), stays; the next start of its VM sees to
 * it. dry_run: prints to standard output what would be removed. Must be called without the lock of
 * the journals. Says what could not be done, and returns false then.
 */
bool runtime_dir_recover(bool dry_run);

/*
 * The same for what is noted of one VM (runtime_vm.h), whose claim was released by hand.
 */
bool runtime_note_recover(const char *name);
