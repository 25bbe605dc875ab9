/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/released.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_aside.h"
#include "claims/journal_index.h"
#include "claims/journal_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct released {
	char *name; /* of the VM */
	int file;   /* locked */
	struct touched touched;
};

static struct released *all;
static size_t n_all;

bool released_put_aside(const struct journal *journal, struct touched *touched)
{
	cleanup_free char *name = journal_aside_name(journal->name, JOURNAL_RELEASED);
	cleanup_fd int aside = journal_aside_open(true);
	cleanup_fd int file = aside < 0 ? -1
					: openat(journal_directory(), journal->name,
						  O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	if (file < 0 || !journal_aside_lock(file))
		return false;
	bool was_known = journal_index_suspend();
	if (renameat2(journal_directory(), journal->name, aside, name, RENAME_NOREPLACE) < 0)
		return false;
	journal_index_resume(was_known, journal->name, NULL);
	ARRAY_GROW(all, n_all);
	all[n_all++] = (struct released){
		.name = xstrdup(journal->name), .file = steal_fd(&file), .touched = *touched};
	*touched = (struct touched){0};
	return true;
}

/* What may not be on disk is held again, so that it is released once more. */
static bool put_back(const char *vm, int aside, const char *name)
{
	cleanup_free char *error = NULL;

	if (!journal_lock(true, &error)) {
		log_error("%s; VM '%s' is recovered at the next boot", error, vm);
		return false;
	}
	if (renameat2(aside, name, journal_directory(), vm, RENAME_NOREPLACE) < 0)
		log_error("cannot put back the journal %s/%s: %s; VM '%s' is recovered at the next "
			  "boot",
			JOURNAL_DIR, vm, strerror(errno), vm);
	journal_unlock();
	return false;
}

static bool finish(struct released *r)
{
	cleanup_free char *name = journal_aside_name(r->name, JOURNAL_RELEASED);
	cleanup_fd int aside = journal_aside_open(false);

	if (!touched_sync(&r->touched, NULL))
		return aside >= 0 && put_back(r->name, aside, name);
	if (aside >= 0 && journal_aside_is(aside, name, r->file))
		unlinkat(aside, name, 0);
	return true;
}

bool released_finish(void)
{
	bool good = true;

	for (size_t i = 0; i < n_all; i++) {
		good = finish(&all[i]) && good;
		close(all[i].file);
		free(all[i].name);
	}
	free(all);
	all = NULL;
	n_all = 0;
	return good;
}
