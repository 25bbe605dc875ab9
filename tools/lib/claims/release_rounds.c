/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/release_rounds.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/holder.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"
#include "claims/release.h"
#include "path/safepath.h"

#include <string.h>

/* Whether what is to be given back (all, without a path) may be; says why not. */
static bool may_give_back(const struct journal *journal, const char *path, bool force)
{
	cleanup_free char *who = force ? NULL : holder_using(journal, path);

	if (who && path)
		warn("%s is not released: %s; detach it from the VM, or force the release: --force",
			path, who);
	else if (who)
		warn("VM '%s' is running: %s; nothing is released; stop it, or force the release: "
		     "--force",
			journal->name, who);
	return !who;
}

static bool is_held(const struct journal *journal, const char *path)
{
	for (size_t i = 0; i < journal->n_entries; i++)
		if (strcmp(journal->entries[i].path, path) == 0)
			return true;
	return false;
}

/* Entries have the name without symbolic links. New. */
static char *path_of_entry(const struct claim_request *disk)
{
	struct safepath walk;
	cleanup_free char *ignored = NULL;
	char *path = xstrdup(safepath_open(disk->path, &walk, &ignored) ? walk.path : disk->path);

	safepath_close(&walk);
	return path;
}

static bool release_disk(struct journal *journal, const struct claim_request *disk,
	const struct release_how *how, struct journal *const *all, size_t n, struct lockwait *waits)
{
	cleanup_free char *path = path_of_entry(disk);

	if (!lockwait_due(waits, path))
		return true;
	if (!is_held(journal, path)) {
		warn("%s is not claimed by VM '%s'", path, journal->name);
		return false;
	}
	return may_give_back(journal, path, how->force) &&
	       (!how->before || how->before(how->context, disk->path, path)) &&
	       claims_release(journal, path, false, all, n, waits);
}

/* What others hold is not known, or could not be asked again. */
static void say_stays(const struct journal *journal, const char *why)
{
	cleanup_free char *stays = claims_stays_claimed(journal->name, why);

	log_error("%s", stays);
}

static bool release_round(struct journal *journal, const struct claim_requests *disks,
	const struct release_how *how, struct lockwait *waits)
{
	cleanup_free char *error = NULL;
	struct journal **all;
	size_t n;
	bool all_read, good = true;

	if (!journal_read_all(&all, &n, &all_read, &error)) {
		say_stays(journal, error);
		return false;
	}
	for (size_t i = 0; disks && i < disks->n; i++)
		good = release_disk(journal, &disks->all[i], how, all, n, waits) && good;
	if (!disks)
		good = may_give_back(journal, NULL, how->force) &&
		       claims_release(journal, NULL, false, all, n, waits);
	journal_free_all(all, n);
	return good;
}

bool release_rounds(
	struct journal *journal, const struct claim_requests *disks, const struct release_how *how)
{
	cleanup_free char *error = NULL;
	struct lockwait waits = {0};
	struct journal_stamp before, now;
	bool good = true, again;

	do {
		good = release_round(journal, disks, how, &waits) && good;
		again = journal_stamp(journal->name, &before) &&
			lockwait_again(&waits, &good, &error);
		/* The claim that is there now may be another one, of a VM that runs. */
		if (again &&
			(!journal_stamp(journal->name, &now) || !journal_same(&before, &now))) {
			warn("VM '%s': its claim was changed by another process meanwhile; list "
			     "what is left: virt-priv-chown status",
				journal->name);
			again = good = false;
		}
	} while (again);
	if (error)
		say_stays(journal, error);
	lockwait_end(&waits);
	return good;
}
