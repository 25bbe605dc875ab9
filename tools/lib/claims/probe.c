/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/probe.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "path/probe.h"

#include <stdlib.h>

/* wanted: of which of them; NULL: of all. */
static bool is_all_known(struct journal *const *all, size_t n, const bool *wanted)
{
	struct probe_start start = {0};
	bool is_known = true;

	for (size_t j = 0; j < n && is_known; j++)
		for (size_t i = 0; (!wanted || wanted[j]) && is_known && i < all[j]->n_entries; i++)
			is_known = probe_is_known_from(&start, all[j]->entries[i].path);
	probe_forget(&start);
	return is_known;
}

/*
 * Without the lock; others may have changed the journals afterwards. False and a new message where
 * it can't be had again.
 */
static bool ask_for(
	struct journal *const *all, size_t n, const bool *wanted, bool exclusive, char **error)
{
	cleanup_free const char **paths = NULL;
	size_t n_paths = 0;

	journal_unlock();
	for (size_t j = 0; j < n; j++) {
		if (wanted && !wanted[j])
			continue;
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
		if (!*out || is_all_known(out, 1, NULL))
			return true;
		bool is_locked = ask_for(out, 1, NULL, true, error);
		journal_free(*out);
		*out = NULL;
		if (!is_locked)
			return false;
	}
	return false;
}

bool claims_probe_all(struct journal ***all, size_t *n, bool *all_read, bool exclusive,
	claims_probe_choose *choose, void *context, char **error)
{
	while (journal_read_all(all, n, all_read, error)) {
		cleanup_free bool *wanted = choose ? xcalloc(*n + 1, sizeof *wanted) : NULL;
		if (choose)
			choose(context, *all, *n, wanted);
		if (is_all_known(*all, *n, wanted))
			return true;
		bool is_locked = ask_for(*all, *n, wanted, exclusive, error);
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
