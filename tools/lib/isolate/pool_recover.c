/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/pool_recover.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/holder.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_ids.h"
#include "isolate/pool.h"
#include "isolate/pool_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What the process that holds the claim has as its ids; one that has ended has none. */
static void take_holder(struct pool_taken *taken, const struct journal *journal)
{
	cleanup_free char *path = xasprintf("/proc/%d/status", journal->holder);
	char text[4096];

	if (journal->holder && io_read_short(AT_FDCWD, path, text, sizeof text) > 0)
		pool_take_status(taken, text);
}

/*
 * Whether a VM has it still: by what it has claimed, or by its QEMU, which may have claimed
 * nothing. A claim whose QEMU has ended is to be released, once nothing that has the id can write
 * to its files.
 */
static bool is_used(const struct id_range *one, bool *used, char **error)
{
	struct pool_taken taken;
	struct journal **all;
	bool all_read;
	size_t n;

	if (!journal_lock(false, error))
		return false;
	bool good = journal_read_all(&all, &n, &all_read, error);
	pool_taken_init(&taken, one);
	for (size_t i = 0; good && i < n; i++) {
		cleanup_free char *unknown = NULL;
		if (claims_hold(all[i], &unknown) == CLAIMS_ABANDONED)
			continue;
		pool_take_journals(&taken, &all[i], 1, NULL);
		take_holder(&taken, all[i]);
	}
	if (good)
		journal_free_all(all, n);
	journal_unlock();
	*used = taken.is_taken[0];
	pool_taken_free(&taken);
	return good && (all_read || error_set(error, "a journal could not be read; see above"));
}

/*
 * Whether what runs with an id that a VM was given is what that VM has left. False: it is not, or
 * *error, which is new, says why that can't be told.
 */
static bool is_left_over(uid_t id, char **error)
{
	const struct id_range one = {.first = id, .count = 1};
	bool used, has_owner;

	return is_used(&one, &used, error) && !used && pool_has_owner(id, &has_owner, error) &&
	       (!has_owner ||
		       error_set(error,
			       "an account, a group or a line of /etc/subuid has the id %u, which "
			       "was a VM's; its processes are not ended; if none is a VM's: "
			       "rm " RUNTIME_DIR "/" RUNTIME_ID "%u",
			       id, id));
}

/* False: why was said. */
static bool recover_id(int runtime, uid_t id, bool dry_run)
{
	cleanup_free char *error = NULL;
	/* A start, a VM that runs, or one that is given back has it. */
	cleanup_fd int lock = pool_lock(runtime, id, false, &error);

	if (lock < 0 && !error)
		return true;
	/* Somebody was killed who only looked whether the id is free. */
	bool is_given = lock >= 0 && pool_lock_is_given(lock);
	if (is_given && !is_left_over(id, &error) && !error)
		return true;
	if (!error && dry_run)
		printf("remove " RUNTIME_DIR "/" RUNTIME_ID "%u\n", id);
	if (!error && dry_run)
		return true;
	if (!error && (!is_given || pool_end_processes(id, &error)))
		return pool_lock_remove(runtime, id, lock);
	warn("%s; what has uid %u is left as it is", error, id);
	return false;
}

bool pool_recover(bool dry_run)
{
	cleanup_free char *error = NULL;
	const struct dirent *d;
	bool good = true;

	if (access(RUNTIME_DIR, F_OK) < 0 && errno == ENOENT)
		return true;
	cleanup_fd int runtime = runtime_dir_open(&error);
	int copy = runtime < 0 ? -1 : fcntl(runtime, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	if (!dir) {
		warn("%s", error ? error : "cannot read the directory " RUNTIME_DIR);
		return false;
	}
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		uid_t id = runtime_id_of(d->d_name);
		if (id)
			good = recover_id(runtime, id, dry_run) && good;
	}
	if (errno == 0)
		return good;
	warn_errno("cannot read the directory " RUNTIME_DIR);
	return false;
}
