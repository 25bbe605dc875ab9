/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/release_rounds.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/journal_others.h"
#include "claims/release.h"
#include "path/safepath.h"

#include <string.h>

/* Whether what is to be given back (all, without a path) may be; says why not. */
static bool may_give_back(const struct journal *journal, const char *path, bool force)
{
	cleanup_free char *who = force ? NULL : holder_using(journal, path);

	if (who && path)
		log_error("%s is not released: %s; detach it from the VM, or force the release: "
			  "--force",
			path, who);
	else if (who)
		log_error("VM '%s' is running: %s; nothing is released; stop it, or force the "
			  "release: "
			  "--force",
			journal->name, who);
	return !who;
}

/* The entry of that path: the one of the disk itself, if there is one. NULL: there is none. */
static const struct entry *find_entry(const struct journal *journal, const char *path)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		if (strcmp(e->path, path) == 0 && (!found || e->kind == ENTRY_OWNER))
			found = e;
	}
	return found;
}

/* Whether the VM does not see the object of the entry any more; says why not. */
static bool hide(const struct journal *journal, const struct entry *e, const char *name,
	const struct release_how *how)
{
	cleanup_free char *error = NULL;
	struct claims_object object;

	if (!how->hide)
		return true;
	/* Not by its name, under which there can be another one by now. */
	claims_find(journal, e, &object);
	bool is_known = object.how == FILEID_FOUND;
	bool good = how->hide(how->context, name, is_known ? object.fd : -1, &error) !=
		    RELEASE_NOT_HIDDEN;
	claims_object_free(&object);
	if (!good)
		log_error("%s; %s stays claimed", error, e->path);
	return good;
}

/* What has no entry, as it stays its owner's, can be seen all the same. */
static bool hide_unclaimed(const struct journal *journal, const char *name,
	const struct safepath *walk, const struct release_how *how)
{
	cleanup_free char *error = NULL;
	bool is_disk = walk->fd < 0 || S_ISREG(walk->st.st_mode) || S_ISBLK(walk->st.st_mode);
	enum release_hidden hidden = how->hide && is_disk
					     ? how->hide(how->context, name, walk->fd, &error)
					     : RELEASE_NOT_SEEN;

	if (hidden == RELEASE_NOT_SEEN)
		log_error("%s is not claimed by VM '%s'", walk->fd < 0 ? name : walk->path,
			journal->name);
	else if (hidden == RELEASE_NOT_HIDDEN)
		log_error("%s", error);
	return hidden == RELEASE_HIDDEN;
}

static bool release_walked(struct journal *journal, const char *name, const struct safepath *walk,
	const struct release_how *how, struct journal *const *all, size_t n, struct lockwait *waits)
{
	/* Entries have the name without symbolic links. */
	const char *path = walk->fd < 0 ? name : walk->path;

	if (!lockwait_due(waits, path))
		return true;
	const struct entry *e = find_entry(journal, path);
	if (!e)
		return hide_unclaimed(journal, name, walk, how);
	return may_give_back(journal, path, how->force) && hide(journal, e, name, how) &&
	       claims_release(journal, path, RELEASE_ENDED, all, n, waits);
}

static bool release_disk(struct journal *journal, const struct claim_request *disk,
	const struct release_how *how, struct journal *const *all, size_t n, struct lockwait *waits)
{
	cleanup_free char *ignored = NULL;
	struct safepath walk;

	safepath_open(disk->path, &walk, &ignored);
	bool good = release_walked(journal, disk->path, &walk, how, all, n, waits);
	safepath_close(&walk);
	return good;
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

	if (!journal_read_related(journal, &all, &n, &all_read, &error)) {
		say_stays(journal, error);
		return false;
	}
	for (size_t i = 0; disks && i < disks->n; i++)
		good = release_disk(journal, &disks->all[i], how, all, n, waits) && good;
	if (!disks)
		good = may_give_back(journal, NULL, how->force) &&
		       claims_release(journal, NULL, RELEASE_ENDED, all, n, waits);
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
			log_error(
				"VM '%s': its claim was changed by another process meanwhile; list "
				"what is left: virt-priv-chown status",
				journal->name);
			again = good = false;
		}
	} while (again);
	if (error)
		say_stays(journal, error);
	lockwait_end(&waits);
	journal_unlock();
	return claims_release_end() && good;
}
