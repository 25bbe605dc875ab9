/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a claim: what a VM's journal holds goes back to its owners. */
#pragma once

#include "claims/journal.h"
#include "claims/lockwait.h"

#include <stdbool.h>

enum release_why {
	RELEASE_ENDED,	   /* the claim's own end: claims_release_end() follows */
	RELEASE_UNDONE,	   /* a claim that could not be made */
	RELEASE_RECOVERED, /* of a VM that left it; what a process has open stays */
};

/*
 * Gives back what the journal holds: all of it, or (path not NULL) what has that path, as far as
 * it has its turn (lockwait_due()). What somebody has locked stays without a word, for
 * lockwait_again(waits).
 * all: the journals of all VMs, in which the journal
 * stands for its own copy. Says what could not be done and returns
 * false then. Writes the journal without what was given back, or removes it when all of
 * the VM was released.
 */
bool claims_release(struct journal *journal, const char *path, enum release_why why,
	struct journal *const *all, size_t n_all, struct lockwait *waits);

/*
 * Behind journal_unlock(), after releases with RELEASE_ENDED: that what was given back is on disk.
 * Says what could not be done, and returns false then.
 */
bool claims_release_end(void);

/* The message where a release could not go on, and why; new. */
char *claims_stays_claimed(const char *name, const char *why);
