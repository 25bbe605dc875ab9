/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_list.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_index.h"
#include "claims/journal_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Adds the names that are left in dir, which may be NULL. False and errno if that fails. */
static bool list_names(DIR *dir, char ***names, size_t *n)
{
	struct dirent *d;

	while (dir && (errno = 0, (d = readdir(dir)) != NULL)) {
		if (!journal_is_name(d->d_name))
			continue;
		ARRAY_GROW(*names, *n);
		(*names)[(*n)++] = xstrdup(d->d_name);
	}
	return dir && errno == 0;
}

bool journal_names(char ***names, size_t *n, char **error)
{
	*names = NULL;
	*n = 0;
	if (journal_directory() < 0)
		return true;
	int fd = openat(journal_directory(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!list_names(dir, names, n)) {
		error_set_errno(error, "cannot read the directory %s", JOURNAL_DIR);
		for (size_t i = 0; i < *n; i++)
			free((*names)[i]);
		free(*names);
		*names = NULL;
		return false;
	}
	if (*n)
		qsort(*names, *n, sizeof **names, by_name);
	return true;
}

bool journal_read_others(
	const struct journal *own, struct journal ***out, size_t *n, bool *all_read, char **error)
{
	size_t n_names;
	cleanup_free char **names = NULL;
	bool has_own = false;

	*out = NULL;
	*n = 0;
	*all_read = false;
	if (!journal_names(&names, &n_names, error))
		return false;
	struct journal **all = xcalloc(n_names + 1, sizeof *all);
	*all_read = true;
	for (size_t i = 0; i < n_names; i++) {
		cleanup_free char *name = names[i];
		cleanup_free char *why = NULL;
		struct journal *journal;
		if (own && strcmp(own->name, name) == 0)
			has_own = true;
		else if (!journal_read(name, &journal, &why)) {
			log_error("%s", why);
			*all_read = false;
		} else if (journal) {
			all[(*n)++] = journal;
		}
	}
	*out = all;
	if (*all_read && *n + has_own == n_names)
		journal_index_learn(all, *n, has_own ? own : NULL);
	return true;
}

bool journal_read_all(struct journal ***all, size_t *n, bool *all_read, char **error)
{
	return journal_read_others(NULL, all, n, all_read, error);
}
