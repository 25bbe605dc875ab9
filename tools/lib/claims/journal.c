/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal.h"

#include "base/array.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

bool journal_is_name(const char *name)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(name);

	return length >= 1 && length <= 64 && strspn(name, letters) == length && *name != '.' &&
	       *name != '-';
}

static void free_entry(struct entry *e)
{
	free(e->path);
	free(e->acl_before);
	free(e->acl_after);
	free(e->kept);
	ownable_free(&e->ownable);
}

struct journal *journal_new(const char *name, char **error)
{
	if (!boot_read(error))
		return NULL;
	struct journal *journal = xcalloc(1, sizeof *journal);
	journal->name = xstrdup(name);
	strcpy(journal->boot, boot_id());
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	for (size_t i = 0; i < journal->n_entries; i++)
		free_entry(&journal->entries[i]);
	free(journal->entries);
	free(journal->name);
	free(journal);
}

void journal_free_all(struct journal **all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		journal_free(all[i]);
	free(all);
}

struct entry *journal_add(struct journal *journal)
{
	ARRAY_GROW(journal->entries, journal->n_entries);
	struct entry *e = &journal->entries[journal->n_entries++];
	*e = (struct entry){0};
	return e;
}

void journal_drop_last(struct journal *journal)
{
	free_entry(&journal->entries[--journal->n_entries]);
}

void journal_sweep(struct journal *journal)
{
	size_t kept = 0;

	for (size_t i = 0; i < journal->n_entries; i++) {
		if (journal->entries[i].done)
			free_entry(&journal->entries[i]);
		else
			journal->entries[kept++] = journal->entries[i];
	}
	journal->n_entries = kept;
}

const struct entry *journal_find(
	const struct journal *journal, const struct fileid *id, const struct entry *after)
{
	const struct entry *end = journal->entries + journal->n_entries;

	for (const struct entry *e = after ? after + 1 : journal->entries; e < end; e++)
		if (e->id.inode == id->inode && fileid_equal(&e->id, id))
			return e;
	return NULL;
}
