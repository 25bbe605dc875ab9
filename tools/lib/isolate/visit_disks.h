/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that an isolated VM that runs gives back: it does not see them any more. */
#pragma once

#include <stdbool.h>

struct claim_requests;
struct stat;

/*
 * What the disks' names lead to, before they are given back, which can change that: new, one for
 * each; st_ino is 0 where that is not known.
 */
struct stat *visit_look_at(const struct claim_requests *disks);

/*
 * Unmounts them in the root directory of the VM, whose process the pidfd is of (visit.h). False:
 * one stays, which is said.
 */
bool visit_hide_all(int vm, const struct claim_requests *disks, const struct stat *objects);
