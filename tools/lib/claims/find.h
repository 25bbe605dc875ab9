/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What has become of the object of an entry, and what is to be done about one that can't be
 * decided. An entry goes only if its object was given back, or is known to be gone; or when root
 * says that it be forgotten as it is.
 */
#pragma once

#include "claims/journal.h"
#include "path/fileid.h"

#include <stdbool.h>

struct claims_object {
	enum fileid_found how;
	int fd; /* O_PATH: the object, or what may be it; -1: there is nothing to change */
	/* What fd is may be another object, a copy: it is put right, and the entry stays. */
	bool is_doubtful;
	char *why; /* NULL with FILEID_FOUND; new */
};

/* Finds the object of an entry; claims_object_free() closes and releases what *object holds. */
void claims_find(
	const struct journal *journal, const struct entry *entry, struct claims_object *object);
/*
 * Whether the file that has the entry's path now is a snapshot's copy of it, which has the owner
 * of its time; then it takes the place of what *object, by claims_find(), holds.
 */
bool claims_find_snapshot(const struct entry *entry, struct claims_object *object);
void claims_object_free(struct claims_object *object);
/* "found", "copy", ...: as in tests/schema/virt-priv-chown-status.json. */
const char *claims_found_name(enum fileid_found how);

/* The command that settles the entry, for a shell; new. */
char *claims_settle_command(const struct journal *journal, const struct entry *entry);

/* Says on standard error why the entry stays, and keeps it for status. Takes the new text. */
void claims_keep(const struct journal *journal, struct entry *entry, char *why);

/* Says which entries stay since the last release, each with its command. */
void claims_say_kept(const struct journal *journal);

/*
 * Forgets the entries of that path, without a look at what is there; a journal without any
 * is removed. False, and a message, if that is not possible, or no entry has the path.
 */
bool claims_settle(struct journal *journal, const char *path);

/* Whether the object of the entry ended with an earlier boot, by what the journal says alone. */
bool claims_has_ended(const struct journal *journal, const struct entry *entry);
/* Whether all that it holds ended with an earlier boot. */
bool claims_have_ended(const struct journal *journal);
