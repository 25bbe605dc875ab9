/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in, marks out: what files of the host say of ids. */
#include "isolate/pool.h"

#include "base/array.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "base/subid.h"
#include "claims/journal.h"

#include <stdlib.h>
#include <string.h>

void pool_taken_init(struct pool_taken *taken, const struct id_range *pool)
{
	taken->pool = pool;
	taken->is_taken = xcalloc(pool->count, sizeof *taken->is_taken);
}

void pool_taken_free(struct pool_taken *taken)
{
	free(taken->is_taken);
	taken->is_taken = NULL;
}

unsigned pool_overlap(const struct id_range *pool, unsigned long long first,
	unsigned long long count, uint32_t *lowest)
{
	unsigned long long pool_end = (unsigned long long)pool->first + pool->count;
	/* Whatever the file says: no sum that overflows. */
	unsigned long long end = count > pool_end || first > pool_end ? pool_end : first + count;
	unsigned long long begin = first > pool->first ? first : pool->first;

	if (end > pool_end)
		end = pool_end;
	*lowest = begin < end ? (uint32_t)begin : 0;
	return begin < end ? (unsigned)(end - begin) : 0;
}

void pool_take_range(struct pool_taken *taken, unsigned long long first, unsigned long long count)
{
	uint32_t lowest;
	unsigned n = pool_overlap(taken->pool, first, count, &lowest);

	for (unsigned i = 0; i < n; i++)
		taken->is_taken[lowest - taken->pool->first + i] = true;
}

void pool_take_subids(struct pool_taken *taken, const char *text)
{
	struct subid_line line = {0};

	while (subid_next(text, &line))
		if (!subid_is_reservation(&line))
			pool_take_range(taken, line.first, line.count);
}

static void take_numbers(struct pool_taken *taken, const char *p)
{
	while (*p && *p != '\n') {
		char *end = (char *)p + 1;
		if (*p >= '0' && *p <= '9')
			pool_take_range(taken, strtoull(p, &end, 10), 1);
		p = end;
	}
}

void pool_take_status(struct pool_taken *taken, const char *text)
{
	static const char *const fields[] = {"\nUid:", "\nGid:", "\nGroups:"};

	/* One that has ended, and only waits for its parent to look, can do nothing any more. */
	if (proc_status_has_ended(text))
		return;
	for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
		const char *field = strstr(text, fields[i]);
		if (field)
			take_numbers(taken, field + strlen(fields[i]));
	}
}

void pool_take_journals(
	struct pool_taken *taken, struct journal *const *all, size_t n, const char *own)
{
	for (size_t i = 0; i < n; i++)
		for (size_t e = 0; e < all[i]->n_entries; e++) {
			if (own && strcmp(all[i]->name, own) == 0)
				break;
			pool_take_range(taken, all[i]->entries[e].new_uid, 1);
			pool_take_range(taken, all[i]->entries[e].new_gid, 1);
		}
}
