/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/probe.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "path/probe.h"

#include <stdlib.h>

static bool is_all_known(struct journal *const *all, size_t n)
{
	for (size_t j = 0; j < n; j++)
		for (size_t i = 0; i < all[j]->n_entries; i++)
			if (!probe_is_known(all[j]->entries[i].path))
				return false;
	return true;
}

/*
 * Without the lock; others may have changed the journals afterwards. False and a new message where
 * it can't be had again.
 */
static bool ask_for(struct journal *const *all, size_t n, bool exclusive, char **error)
{
	cleanup_free const char **paths = NULL;
	size_t n_paths = 0;

	journal_unlock();
	for (size_t j = 0; j < n; j++) {
		paths = xreallocarray(paths, n_paths + all[j]->n_entries + 1, sizeof *paths);
		for (size_t i = 0; i < all[j]->n_entries; i++)
			paths[n_paths++] = all[j]->entries[i].path;
	}
	probe(paths, n_paths);
	return journal_lock(exclusive, error);
}

bool claims_probe(const char *name, struct journal **out, char **error)
{
	while (journal_read(name, out, error)) {
		if (!*out || is_all_known(out, 1))
			return true;
		bool is_locked = ask_for(out, 1, true, error);
		journal_free(*out);
		*out = NULL;
		if (!is_locked)
			return false;
	}
	return false;
}

bool claims_probe_all(
	struct journal ***all, size_t *n, bool *all_read, bool exclusive, char **error)
{
	while (journal_read_all(all, n, all_read, error)) {
		if (is_all_known(*all, *n))
			return true;
		bool is_locked = ask_for(*all, *n, exclusive, error);
		journal_free_all(*all, *n);
		*all = NULL;
		*n = 0;
		if (!is_locked)
			return false;
	}
	return false;
}

void claims_probe_requests(const struct claim_requests *requests)
{
	cleanup_free const char **paths = xcalloc(requests->n + 1, sizeof *paths);
	size_t n = 0;

	for (size_t i = 0; i < requests->n; i++)
		if (requests->all[i].path)
			paths[n++] = requests->all[i].path;
	probe(paths, n);
}
