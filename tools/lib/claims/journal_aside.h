/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Journals that wait for a disk beside the directory of journals, so that nobody waits for that
 * disk with the lock (journal_lock.h).
 *
 * NAME.prepared is a claim that is about to be made: it is written and made durable before the
 * lock is taken, and renamed to the journal if, with the lock, the plan is still the same. After a
 * power cut it can be the journal of a claim that was made, if the renaming was not on disk yet.
 *
 * NAME.released is the journal of a VM whose disks were given back: it goes, without the lock, once
 * that is on their disks. After a power cut, they may not have been given back.
 *
 * Each is locked (F_OFD_SETLK) by the process whose it is, for as long as that lives. What is found
 * without a lock was left by an interrupted call: of this boot, there is nothing to do for it; of
 * an earlier one, it becomes the journal of its VM again, and is recovered as such. The directory
 * is one of its own, since each change of that of the journals ends what is known of those
 * (journal_index.h). Private to claims/.
 */
#pragma once

#include <stdbool.h>

/* Where they are: beside JOURNAL_DIR. */
#define JOURNAL_ASIDE "/var/lib/virt-privileges/unfinished"

enum journal_aside { JOURNAL_PREPARED, JOURNAL_RELEASED };

/*
 * The directory, a new descriptor; it is made if make. -1: there is none, or it is not root's
 * alone: then nothing is put there.
 */
int journal_aside_open(bool make);

/* The file's name of a VM's; new. */
char *journal_aside_name(const char *vm, enum journal_aside kind);

/*
 * With the lock held exclusively: what interrupted calls have left becomes a journal in directory
 * again, or goes. Where a VM has a journal already, its other one waits until that is released.
 */
void journal_aside_tidy(int directory);

/* Whether, when that was done last, one had to wait for another journal's end. */
bool journal_aside_waits(void);

/* Whether fd is still what has that name in the directory. */
bool journal_aside_is(int directory, const char *name, int fd);
/* Locks an open file for this process. False and errno. */
bool journal_aside_lock(int fd);
