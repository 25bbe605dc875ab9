/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which journals can say something of an object, so that a call for one VM does not read those of
 * all others: JOURNAL_DIR/.index, a line per VM with the inode numbers of its entries. It only says
 * which journals are to be read: what holds is what they say.
 *
 * It is written last, when all journals are on disk, and then sealed: the directory gets a time of
 * modification that the index names, at random and long ago. Whoever changes the directory
 * afterwards, as an older version that knows no index, a kill between the two, or somebody who puts
 * a journal back, breaks the seal, since the kernel sets that time to now. It counts, too,
 * only in the boot and the directory that it names, whole, and if the names in it are
 * those that are there. Else all journals are read, as if there were none, and the next change
 * writes it anew. A journal that turns out to be damaged ends it as well: no VM is to claim a
 * disk then.
 *
 * A journal that somebody changes in place breaks no seal: until it is read, by a command for its
 * VM or one that reads all, as status and recover do, a claim of another VM does not know of it. To
 * look at each journal (fstatat(2)) would tell, and takes several times as long as to list them.
 *
 * With less than JOURNAL_INDEX_LEAST VMs, there is none. All of this is for whoever has the lock
 * exclusively; for others nothing is known, and what they read is compared with it. Private to
 * claims/.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_INDEX ".index"
#define JOURNAL_INDEX_LEAST 32

/* The names that there are in the directory, by their number and sum; all zero at first. */
struct journal_index_names {
	size_t n;
	uint64_t sum;
	bool has_index;
	bool unknown; /* they could not all be listed */
};
void journal_index_see(struct journal_index_names *names, const char *name);

/* The directory has been locked; reads the index. names: what is in it; NULL: for reading alone. */
void journal_index_open(int directory, const struct journal_index_names *names);
/* It is about to be unlocked: writes it, if this process has changed a journal. */
void journal_index_close(void);

/*
 * Around the change of a VM's journal on disk: what is known was_known before, and only if the
 * change was made durable it is known again, with what the journal is now (NULL: there is none).
 */
bool journal_index_suspend(void);
void journal_index_resume(bool was_known, const char *name, const struct journal *journal);

/* These, and own (NULL: none), are all journals that there are, and all could be read. */
void journal_index_learn(struct journal *const *all, size_t n, const struct journal *own);
/* A journal is not what was written: from now on, all have to be read. */
void journal_index_distrust(int directory);

/* Whether what follows is known. */
bool journal_index_is_known(void);

/* What some entry of a journal is. */
enum journal_index_has {
	JOURNAL_HAS_GRANT = 1,
	JOURNAL_HAS_DEVICE = 2, /* an ENTRY_OWNER of something else than a file */
};

/*
 * The VMs that have it in their journals: calls found with the name of each, which lasts until
 * the next change. Returns how many there are; found may be NULL.
 */
size_t journal_index_with(
	enum journal_index_has what, void (*found)(void *context, const char *name), void *context);
/* The same of those with an entry of that inode number; and of all. */
size_t journal_index_of(
	uint64_t inode, void (*found)(void *context, const char *name), void *context);
size_t journal_index_all(void (*found)(void *context, const char *name), void *context);
