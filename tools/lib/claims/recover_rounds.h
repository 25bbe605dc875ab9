/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recovery of what was left behind: claims of earlier boots and of holders that have ended, and
 * files that libvirt has forgotten. What others have locked is waited for without the lock of the
 * journals (lockwait.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Releases the claims that are abandoned, and gives the files at paths (absolute) to the owners
 * that libvirt's attributes name; with dry_run, prints on standard output what there is to be done.
 * The journals are locked. Says what could not be done, and returns false then.
 */
bool recover_rounds(char *const *paths, size_t n, bool dry_run);
