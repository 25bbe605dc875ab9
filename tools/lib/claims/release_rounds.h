/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The release of a claim, or of disks of it: what nobody has locked is given back at once, and the
 * rest is waited for without the lock of the journals (lockwait.h).
 */
#pragma once

#include "claims/journal.h"
#include "claims/request.h"

/* What has become of what the VM sees of a disk. */
enum release_hidden {
	RELEASE_HIDDEN,	    /* it does not see it any more */
	RELEASE_NOT_SEEN,   /* it did not */
	RELEASE_NOT_HIDDEN, /* it goes on seeing it, or that can't be told */
};

struct release_how {
	bool force; /* also what a VM that runs still uses */
	/*
	 * Called before a disk is given back, and for one that the VM has without a claim, as it
	 * stays its owner's: what the VM sees of it goes first, so that a release that is cut off
	 * can be repeated. name: as it was asked for; object: a descriptor of it, -1 where it is
	 * not to be had. *error is a new message with RELEASE_NOT_HIDDEN. NULL: it sees all.
	 */
	enum release_hidden (*hide)(void *context, const char *name, int object, char **error);
	void *context;
};

/*
 * Gives back what the journal holds: all of it, or (disks not NULL) these. The journals are locked,
 * and the journal was read by claims_probe(); in the end
 * they are not. Says what could not be done, and returns false then.
 */
bool release_rounds(
	struct journal *journal, const struct claim_requests *disks, const struct release_how *how);
