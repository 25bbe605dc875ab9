/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for locks and leases that others have on files, without anybody waiting for us.
 *
 * A call of a tool does its work in rounds. In each, with the lock of the journals held,
 * what can be done is done, and what somebody has locked is put on a list
 * (lockwait_add()) and left. Behind the round, lockwait_again() lets go of the journals,
 * waits for all of the list at once, and takes the journals back; then comes another round
 * of what was waited for (lockwait_due()). All the waiting of a call is at most
 * LOCKWAIT_SECONDS: libvirt has its lock for moments only, and whoever has one for longer
 * is named, with what helps.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define LOCKWAIT_SECONDS 5

struct lockwait_list {
	struct lockwait_file *all;
	size_t n;
};

/* One call of a tool; zeroed, nothing is waited for yet, and no time has been spent. */
struct lockwait {
	struct lockwait_list waiting, due;
	bool is_later_round;
	struct timespec deadline; /* zero: nothing was waited for yet */
};

/* Releases what it holds; zeroes it. */
void lockwait_end(struct lockwait *waits);

/*
 * Somebody has a lock, or a lease, on the object of fd, of that path. past_leases: a lease is
 * nothing to wait for. False and a new message if it can't be waited for.
 */
bool lockwait_add(struct lockwait *waits, int fd, const char *path, bool past_leases, char **error);

/* Whether what has that path has its turn in this round: in the first one each has. */
bool lockwait_due(const struct lockwait *waits, const char *path);

/*
 * Behind a round: whether there is to be another one. With an empty list there is not.
 * What is locked still when the time is up is reported, and makes *good false. The lock of
 * the journals is held before and afterwards, and others can have had it between. *error is NULL;
 * or a new message, and *good false, where it can't be had again: then it is not held, there is no
 * other round, and nothing must be done that depends on the journals.
 */
bool lockwait_again(struct lockwait *waits, bool *good, char **error);
