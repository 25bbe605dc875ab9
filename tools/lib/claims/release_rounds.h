/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The release of a claim, or of disks of it: what nobody has locked is given back at once, and the
 * rest is waited for without the lock of the journals (lockwait.h).
 */
#pragma once

#include "claims/journal.h"
#include "claims/request.h"

/*
 * Gives back what the journal holds: all of it, or (disks not NULL) these. force: also what a VM
 * that runs still uses. The journals are locked, and the journal was read by claims_probe(). Says
 * what could not be done, and returns false then.
 */
bool release_rounds(struct journal *journal, const struct claim_requests *disks, bool force);
