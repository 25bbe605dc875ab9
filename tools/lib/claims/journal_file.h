/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal of one VM on disk: JOURNAL_DIR/NAME, written whole and made durable before the first
 * change. A file that is not what was written here is never changed or removed, but can be set
 * aside. The journals are locked (journal_lock.h).
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

/*
 * Reads the journal of a VM into *out, a new object; NULL if there is none. Returns false
 * and a new message in *error if it can't be read or is not what was written; of a damaged one,
 * the message names the command that settles it.
 */
bool journal_read(const char *name, struct journal **out, char **error);

/* What lies at the place of a VM's journal. */
struct journal_file {
	enum {
		JOURNAL_NONE,
		JOURNAL_WHOLE,
		JOURNAL_DAMAGED, /* it is there, and is not what was written */
		JOURNAL_FAILED,	 /* it could not be looked at; another try can succeed */
	} state;
	bool is_roots;	       /* nobody else can have written its text */
	char *text;	       /* new; NULL: it is no file, or none of it could be read */
	size_t length;	       /* of the text, which can have NUL bytes */
	struct journal *whole; /* with JOURNAL_WHOLE */
	char *why;	       /* with the last two; new */
};

/* Reads it into *file, which journal_file_free() ends. */
void journal_load(const char *name, struct journal_file *file);
void journal_file_free(struct journal_file *file);

/*
 * Sets what is at the place of the VM's journal aside, durably, under a name that no VM can have:
 * *aside, new. rest: the journal that takes its place in the same instant; NULL: none. False and
 * *error on failure; then it is where it was, or under both names.
 */
bool journal_set_aside(const char *name, struct journal *rest, char **aside, char **error);

/* The command that sets a damaged journal aside and settles it, for a shell; new. */
char *journal_set_aside_command(const char *name);

/* Writes it durably. False and *error on failure. */
bool journal_write(struct journal *journal, char **error);
/* Removes it durably; one that does not exist is removed. */
bool journal_remove(const struct journal *journal, char **error);
/*
 * Add a line to the file, which is not made durable: it has to outlast this process, and
 * counts in this boot alone. It says that all changes were made; or of an entry that the file
 * has, that a release is begun which leaves so many holders.
 */
bool journal_settle(struct journal *journal, char **error);
bool journal_announce(struct journal *journal, struct entry *e, unsigned releasing, char **error);

/* Which text a VM's journal has: another one whenever it was written anew. */
struct journal_stamp {
	ino_t inode; /* 0: there is none */
	struct timespec changed;
};
bool journal_stamp(const char *name, struct journal_stamp *stamp);
bool journal_same(const struct journal_stamp *a, const struct journal_stamp *b);
