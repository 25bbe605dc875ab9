/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_others.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_index.h"
#include "claims/journal_list.h"

#include <stdlib.h>
#include <string.h>

static void note_all(struct journal_others *others)
{
	for (size_t i = 0; i < others->n; i++)
		for (size_t j = 0; j < others->all[i]->n_entries; j++)
			if (others->all[i]->entries[j].kind == ENTRY_GRANT)
				others->has_grants = true;
			else if (others->all[i]->entries[j].type != 'f')
				others->has_devices = true;
}

bool journal_others_begin(struct journal_others *others, const struct journal *own, char **error)
{
	*others = (struct journal_others){.own = own};
	if (journal_index_is_known()) {
		others->all_read = true;
		others->has_grants = journal_index_with(JOURNAL_HAS_GRANT, NULL, NULL) > 0;
		others->has_devices = journal_index_with(JOURNAL_HAS_DEVICE, NULL, NULL) > 0;
		return true;
	}
	others->is_complete = true;
	if (!journal_read_others(own, &others->all, &others->n, &others->all_read, error))
		return false;
	note_all(others);
	return true;
}

void journal_others_free(struct journal_others *others)
{
	journal_free_all(others->all, others->n);
	*others = (struct journal_others){0};
}

static void need(void *context, const char *name)
{
	struct journal_others *others = context;
	cleanup_free char *why = NULL;
	struct journal *journal;

	if (others->own && strcmp(others->own->name, name) == 0)
		return;
	for (size_t i = 0; i < others->n; i++)
		if (strcmp(others->all[i]->name, name) == 0)
			return;
	if (!journal_read(name, &journal, &why)) {
		/* Once, not for each object. */
		if (others->all_read && !others->is_quiet)
			log_error("%s", why);
		others->all_read = false;
	} else if (journal) {
		ARRAY_GROW(others->all, others->n);
		others->all[others->n++] = journal;
	}
}

/* It can have ended since they were begun, by a change that failed: what it said can be wrong. */
static bool can_ask(struct journal_others *others)
{
	if (others->is_complete)
		return false;
	others->all_read = others->all_read && journal_index_is_known();
	return others->all_read;
}

void journal_others_of(struct journal_others *others, uint64_t inode)
{
	if (can_ask(others))
		journal_index_of(inode, need, others);
}

void journal_others_with_devices(struct journal_others *others)
{
	if (can_ask(others))
		journal_index_with(JOURNAL_HAS_DEVICE, need, others);
}

void journal_others_all(struct journal_others *others)
{
	if (!can_ask(others))
		return;
	journal_index_all(need, others);
	others->is_complete = others->all_read;
}

bool journal_read_related(const struct journal *journal, struct journal ***all, size_t *n,
	bool *all_read, char **error)
{
	struct journal_others others;

	if (!journal_others_begin(&others, journal, error))
		return false;
	others.is_quiet = true;
	for (size_t i = 0; i < journal->n_entries; i++)
		journal_others_of(&others, journal->entries[i].id.inode);
	/* One that can't be read: then the others count all the same. */
	if (!others.is_complete && !others.all_read) {
		journal_others_free(&others);
		return journal_read_others(journal, all, n, all_read, error);
	}
	*all = others.all;
	*n = others.n;
	*all_read = others.all_read;
	return true;
}
