/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_list.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
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

char **journal_names(size_t *n)
{
	char **names = xcalloc(1, sizeof *names);
	int fd = openat(journal_directory(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	*n = 0;
	if (journal_directory() < 0)
		return names;
	if (!dir)
		die_errno("cannot read the directory %s", JOURNAL_DIR);
	while (errno = 0, (d = readdir(dir)) != NULL) {
		if (!journal_is_name(d->d_name))
			continue;
		names = xreallocarray(names, *n + 1, sizeof *names);
		names[(*n)++] = xstrdup(d->d_name);
	}
	if (errno)
		die_errno("cannot read the directory %s", JOURNAL_DIR);
	if (*n)
		qsort(names, *n, sizeof *names, by_name);
	return names;
}

struct journal **journal_read_all(size_t *n, bool *all_read)
{
	size_t n_names;
	cleanup_free char **names = journal_names(&n_names);
	struct journal **all = xcalloc(n_names + 1, sizeof *all);

	*n = 0;
	*all_read = true;
	for (size_t i = 0; i < n_names; i++) {
		cleanup_free char *name = names[i];
		cleanup_free char *error = NULL;
		struct journal *journal;
		if (!journal_read(name, &journal, &error)) {
			warn("%s", error);
			*all_read = false;
		} else if (journal) {
			all[(*n)++] = journal;
		}
	}
	return all;
}
