/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a claim: what a VM's journal holds goes back to its owners. */
#pragma once

#include "claims/journal.h"
#include "claims/lockwait.h"

#include <stdbool.h>

/*
 * Gives back what the journal holds: all of it, or (path not NULL) what has that path, as far as
 * it has its turn (lockwait_due()). What somebody has locked stays without a word, for
 * lockwait_again(waits).
 * recovering: what a process has open stays. all: the journals of all VMs, in which the journal
 * stands for its own copy. Says what could not be done and returns
 * false then. Writes the journal without what was given back, or removes it when all of
 * the VM was released.
 */
bool claims_release(struct journal *journal, const char *path, bool recovering,
	struct journal *const *all, size_t n_all, struct lockwait *waits);

/* The message where a release could not go on, and why; new. */
char *claims_stays_claimed(const char *name, const char *why);
