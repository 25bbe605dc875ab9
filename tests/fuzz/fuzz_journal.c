/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of the journal: what it takes is what could have been written. */
#include "claims/journal.h"
#include "claims/journal_format.h"
#include "claims/journal_parse.h"
#include "fuzz.h"

static void check_entry(const struct entry *e)
{
	check(e->path && e->path[0] == '/' && strchr("fbcd", e->type) && e->type);
	check(e->id.handle_size <= FILEID_HANDLE_MAX && strlen(e->id.filesystem) < FSID_SIZE);
	check(e->kind == ENTRY_OWNER || e->kind == ENTRY_GRANT);
	check((e->mode & ~07777U) == 0);
	check(e->old_uid != (uid_t)-1 && e->old_gid != (gid_t)-1);
	check(e->new_uid != (uid_t)-1 && e->new_gid != (gid_t)-1);
	check(e->kind == ENTRY_OWNER || (e->acl_before && e->acl_after));
	check(!e->changed && !e->done && !e->unwritten && !e->busy);
	check(e->ownable.n_attributes == e->ownable.n_expected);
	for (size_t i = 0; i < e->ownable.n_attributes; i++)
		check(strncmp(e->ownable.attributes[i].name, "user.", 5) == 0);
}

/* What is read of one that is damaged is as sound, entry by entry. */
static void check_salvage(const char *text, size_t size, const struct journal *journal)
{
	struct journal *partial;
	bool is_sound;
	struct journal *whole = journal_salvage("fuzz", text, size, &partial, &is_sound);

	for (size_t i = 0; i < whole->n_entries; i++)
		check_entry(&whole->entries[i]);
	for (size_t i = 0; i < partial->n_entries; i++)
		check(partial->entries[i].kept && partial->entries[i].line > 0);
	check(!is_sound || journal_is_name(whole->name));
	/* Behind its end, anything can stand. */
	if (journal && journal->size == size)
		check(is_sound && whole->n_entries == journal->n_entries && !partial->n_entries);
	journal_free(whole);
	journal_free(partial);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_bytes(data, size);
	cleanup_free char *error = NULL, *why = NULL;
	struct journal *journal = journal_parse("fuzz", text, size, &error);

	check_salvage(text, size, journal);
	if (!journal) {
		check(error);
		return 0;
	}
	check(!error && journal_is_name(journal->name) && journal->holder >= 0);
	for (size_t i = 0; i < journal->n_entries; i++)
		check_entry(&journal->entries[i]);
	cleanup_free char *written = journal_format(journal);
	struct journal *back = journal_parse("fuzz", written, strlen(written), &why);
	check(back && back->n_entries == journal->n_entries && back->settled == journal->settled);
	check(back->size == strlen(written));
	cleanup_free char *again = journal_format(back);
	check(strcmp(written, again) == 0);
	journal_free(back);
	/* What is added comes behind that much, which alone says the same. */
	check(journal->size <= size);
	back = journal_parse("fuzz", text, journal->size, &why);
	cleanup_free char *same = journal_format(back);
	check(strcmp(written, same) == 0);
	journal_free(back);
	journal_free(journal);
	return 0;
}
