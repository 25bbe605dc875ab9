/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The release of a claim, or of disks of it: what nobody has locked is given back at once, and the
 * rest is waited for without the lock of the journals (lockwait.h).
 */
#pragma once

#include "claims/journal.h"
#include "claims/request.h"

struct release_how {
	bool force; /* also what a VM that runs still uses */
	/*
	 * Called before a disk is given back, with its name as it was asked for, and that of its
	 * entry: what the VM has of it beside the claim goes first, so that a release that is cut
	 * off can be repeated. False, when it has said why: the disk stays. NULL: there is nothing.
	 */
	bool (*before)(void *context, const char *name, const char *path);
	void *context;
};

/*
 * Gives back what the journal holds: all of it, or (disks not NULL) these. The journals are locked,
 * and the journal was read by claims_probe(). Says what could not be done, and returns false then.
 */
bool release_rounds(
	struct journal *journal, const struct claim_requests *disks, const struct release_how *how);
