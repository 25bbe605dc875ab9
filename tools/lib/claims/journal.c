/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal.h"

#include "base/array.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

/* With fewer entries, all of them are looked at. */
#define FEW 16

/*
 * The entries by inode number: of each bucket the first one, and the next one of its bucket, behind
 * it. 0: none, else one more than its index. The entries themselves, some hundred bytes each, are
 * looked at where the number is the one alone.
 */
struct journal_by_inode {
	size_t n; /* of the entries that it knows */
	size_t n_buckets;
	size_t *first, *next;
	uint64_t *inodes;
};

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

static void free_by_inode(struct journal *journal)
{
	if (!journal->by_inode)
		return;
	free(journal->by_inode->first);
	free(journal->by_inode->next);
	free(journal->by_inode->inodes);
	free(journal->by_inode);
	journal->by_inode = NULL;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	free_by_inode(journal);
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
	if (!journal->by_inode && journal->n_entries > FEW)
		journal->by_inode = xcalloc(1, sizeof *journal->by_inode);
	return e;
}

void journal_drop_last(struct journal *journal)
{
	free_entry(&journal->entries[--journal->n_entries]);
	free_by_inode(journal);
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
	free_by_inode(journal);
}

/* Behind those of its bucket. */
static void put(struct journal_by_inode *by_inode, size_t i)
{
	size_t *at = &by_inode->first[by_inode->inodes[i] & (by_inode->n_buckets - 1)];

	while (*at)
		at = &by_inode->next[*at - 1];
	*at = i + 1;
	by_inode->next[i] = 0;
}

/* Room for that many entries, in at least as many buckets. */
static void make_room(struct journal_by_inode *by_inode, size_t n)
{
	size_t size = by_inode->n_buckets ? by_inode->n_buckets : FEW;

	while (size < n)
		size *= 2;
	if (size == by_inode->n_buckets)
		return;
	free(by_inode->first);
	by_inode->first = xcalloc(size, sizeof *by_inode->first);
	by_inode->next = xreallocarray(by_inode->next, size, sizeof *by_inode->next);
	by_inode->inodes = xreallocarray(by_inode->inodes, size, sizeof *by_inode->inodes);
	by_inode->n_buckets = size;
	for (size_t i = 0; i < by_inode->n; i++)
		put(by_inode, i);
}

/* Those that were added since. */
static void take_new(const struct journal *journal)
{
	struct journal_by_inode *by_inode = journal->by_inode;

	make_room(by_inode, journal->n_entries);
	for (; by_inode->n < journal->n_entries; by_inode->n++) {
		by_inode->inodes[by_inode->n] = journal->entries[by_inode->n].id.inode;
		put(by_inode, by_inode->n);
	}
}

static const struct entry *find_by_inode(
	const struct journal *journal, const struct fileid *id, const struct entry *after)
{
	const struct journal_by_inode *by_inode = journal->by_inode;

	take_new(journal);
	size_t at = after ? by_inode->next[after - journal->entries]
			  : by_inode->first[id->inode & (by_inode->n_buckets - 1)];
	while (at && (by_inode->inodes[at - 1] != id->inode ||
			     !fileid_equal(&journal->entries[at - 1].id, id)))
		at = by_inode->next[at - 1];
	return at ? &journal->entries[at - 1] : NULL;
}

const struct entry *journal_find(
	const struct journal *journal, const struct fileid *id, const struct entry *after)
{
	const struct entry *end = journal->entries + journal->n_entries;

	if (journal->by_inode)
		return find_by_inode(journal, id, after);
	for (const struct entry *e = after ? after + 1 : journal->entries; e < end; e++)
		if (e->id.inode == id->inode && fileid_equal(&e->id, id))
			return e;
	return NULL;
}
