/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the journals of other VMs say, read as far as it is asked for: journal_index.h says which
 * those are. Where it does not, all are read at once.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_others {
	/* Those that were read; that of the VM itself can be among them. They stay where they are.
	 */
	struct journal **all;
	size_t n;
	bool is_complete; /* these are all that there are */
	bool all_read;	  /* else one could not be: not known what other VMs hold */
	bool is_quiet;	  /* which is not said */
	/* What is at hand of them, and not read once more; NULL: none. */
	const struct journal *own;
	bool has_grants;  /* some journal has an ACL entry */
	bool has_devices; /* or a device; files alone can't share bytes */
};

/* own: see above. False and a new message if no list of them can be had. */
bool journal_others_begin(struct journal_others *others, const struct journal *own, char **error);
void journal_others_free(struct journal_others *others);

/*
 * Reads those that have an entry with that inode number; a device; all. One that can't be read is
 * reported on standard error, and all_read is false from then on.
 */
void journal_others_of(struct journal_others *others, uint64_t inode);
void journal_others_with_devices(struct journal_others *others);
void journal_others_all(struct journal_others *others);

/*
 * As journal_read_all(), but only what can say something of an object of this journal: its grants,
 * and who has a copy of it.
 */
bool journal_read_related(const struct journal *journal, struct journal ***all, size_t *n,
	bool *all_read, char **error);
