/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/carry_out.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/has_cap.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/acl.h"
#include "claims/journal_file.h"
#include "claims/journal_others.h"
#include "claims/lockwait.h"
#include "claims/owner.h"
#include "claims/owner_back.h"
#include "claims/release.h"
#include "claims/touched.h"
#include "path/mounts.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Undoes the change of one entry, if there was one. Whether it is as before; else *message. */
static bool undo_entry(
	const struct owner_back *back, size_t i, struct touched *touched, char **message)
{
	struct entry *e = &back->journal->entries[i];
	cleanup_free char *ignored = NULL;
	cleanup_fd int fd = -1;
	struct stat st;

	*message = NULL;
	if (!e->changed)
		return true;
	if (fileid_open(&e->id, e->path, back->same_boot, &fd, &ignored) != FILEID_FOUND)
		return false;
	if (fstat(fd, &st) == 0)
		touched_add(touched, i, fd, &st);
	if (e->kind == ENTRY_GRANT)
		return acl_grant_take_back(e, fd, message);
	enum owner_end end = owner_give_back(back, e, fd, message);
	return end != OWNER_KEPT && end != OWNER_BUSY;
}

/* Undoes what this call changed, in reverse; what was not touched is forgotten. */
static void undo(struct claims_plan *plan)
{
	struct journal *journal = plan->journal;
	const struct owner_back back = {.journal = journal,
		.same_boot = true,
		.settled = true,
		.waits = plan->waits,
		.all = plan->others.all,
		.n_all = plan->others.n};
	struct touched touched = touched_begin(journal);
	cleanup_free char *error = NULL;

	for (size_t i = journal->n_entries; i-- > plan->first_new;) {
		struct entry *e = &journal->entries[i];
		cleanup_free char *message = NULL;
		close(plan->fds[i]);
		e->done = undo_entry(&back, i, &touched, &message);
		if (e->done)
			continue;
		/* A VM that a disk was to be added to can run. */
		cleanup_free char *word = shell_word(e->path);
		cleanup_free char *again =
			plan->is_new ? xasprintf("release --name %s", journal->name)
				     : xasprintf("drop --name %s --disk %s", journal->name, word);
		log_error("cannot release %s%s%s; try again: virt-priv-chown %s", e->path,
			message ? ": " : "", message ? message : "", again);
	}
	free(plan->fds);
	plan->fds = NULL;
	touched_sync(&touched, journal);
	journal_sweep(journal);
	plan->n_left = journal->n_entries - plan->first_new;
	journal->settled = plan->was_settled;
	if (!(plan->is_new && journal->n_entries == 0 ? journal_remove(journal, &error)
						      : journal_write(journal, &error)))
		log_error("%s", error);
}

/* Releases what is due of the claim that the VM has left. False and a new message on failure. */
static bool release_left(const struct claims_plan *plan, char **error)
{
	struct journal *journal, **all;
	size_t n;
	bool all_read;

	if (!journal_read(plan->journal->name, &journal, error))
		return false;
	bool good = !journal || journal_read_related(journal, &all, &n, &all_read, error);
	if (good && journal) {
		claims_release(journal, NULL, RELEASE_UNDONE, all, n, plan->waits);
		journal_free_all(all, n);
	}
	journal_free(journal);
	return good;
}

/*
 * What could not be undone since somebody, as libvirt for a moment, had it locked: again, as
 * soon as it is free. The plan is at its end then.
 */
static void undo_rest(struct claims_plan *plan)
{
	cleanup_free char *error = NULL;
	bool good = true;

	while (plan->n_left > 0 && lockwait_again(plan->waits, &good, &error) &&
		release_left(plan, &error))
		;
	if (error) {
		cleanup_free char *stays = claims_stays_claimed(plan->journal->name, error);
		log_error("%s", stays);
	}
	if (plan->n_left > 0 && plan->busy) {
		plan->busy = false;
		log_error("VM '%s': its claim was started by another process while its disks were "
			  "locked; try again",
			plan->journal->name);
	}
}

/* Without these capabilities, what is changed could not be given back as it was. */
static bool may_give_back(const struct entry *first)
{
	if (has_cap(CAP_CHOWN) && has_cap(CAP_FOWNER))
		return true;
	if (errno)
		log_error("cannot read the capabilities: %s; nothing was changed", strerror(errno));
	else
		log_error("cannot claim %s without CAP_CHOWN and CAP_FOWNER, which restoring its "
			  "owner, "
			  "mode and ACL requires; nothing was changed",
			first->path);
	return false;
}

/* Who gets the entry's object; NULL: nobody that was looked up. */
static const struct identity *receiver(const struct claims_plan *plan, const struct entry *e)
{
	for (size_t i = 0; i < plan->n_identities; i++)
		if (plan->identities[i].uid == e->new_uid && plan->identities[i].gid == e->new_gid)
			return &plan->identities[i];
	return NULL;
}

/*
 * Where the file system has no owners, or keeps them from root, the object stays as it is, if that
 * will do: libvirt goes on, too. It is held all the same. False: it will not do, and *error, which
 * says what was refused, says what helps.
 */
static bool stays_as_it_is(const struct claims_plan *plan, struct entry *e, int fd, char **error)
{
	struct safepath alone = {.fd = fd, .path = e->path};
	const struct identity *identity = receiver(plan, e);
	cleanup_free char *why = steal_pointer(error);
	struct denials denials;

	if (!identity || fstat(fd, &alone.st) < 0)
		return error_set(error, "%s", why);
	if (!access_denials(&alone, R_OK | W_OK, identity, &denials, error))
		return false;
	if (denials.n == 0) {
		warn("%s keeps its owner: %s; %s can use it as it is", e->path, why,
			identity->user);
		e->stays = true;
		e->new_uid = alone.st.st_uid;
		e->new_gid = alone.st.st_gid;
		return true;
	}
	access_free(&denials);
	if (mounts_is_ownerless(fd))
		return error_set(error,
			"%s: its file system has no owners of its own; mount it with "
			"-o uid=%u,gid=%u",
			why, identity->uid, identity->gid);
	const struct proc_mount *mount = mounts_of(fd);
	bool is_nfs = mount && strncmp(mount->type, "nfs", strlen("nfs")) == 0;
	return error_set(error,
		is_nfs ? "%s: its server does not let root, as NFS with root_squash; change its "
			 "owner on the server to %u:%u, or export it with no_root_squash"
		       : "%s: its file system does not let root; mount it with -o uid=%u,gid=%u, "
			 "if it takes that, or move the disk to another one",
		why, identity->uid, identity->gid);
}

/* Makes the change of one. False and a new message, or e->busy. */
static bool take(struct claims_plan *plan, struct entry *e, int fd, char **error)
{
	if (e->kind != ENTRY_OWNER)
		return acl_grant_give(e, fd, error);
	return owner_take(e, fd, plan->waits, error) ||
	       (e->refused && stays_as_it_is(plan, e, fd, error));
}

/* Makes the change of each new entry. Says which one fails, but for one that is locked. */
static bool take_all(struct claims_plan *plan)
{
	for (size_t i = plan->first_new; i < plan->journal->n_entries; i++) {
		struct entry *e = &plan->journal->entries[i];
		cleanup_free char *error = NULL;
		if (take(plan, e, plan->fds[i], &error))
			continue;
		plan->busy = e->busy;
		if (!plan->busy)
			log_error("%s cannot be %s: %s; all changes were undone", e->path,
				e->kind == ENTRY_OWNER ? "claimed" : "granted", error);
		return false;
	}
	return true;
}

/* What could be known only when the changes were made. */
static bool complete_journal(struct journal *journal, char **error)
{
	bool uncertain = false, rewrite = false;

	for (size_t i = 0; i < journal->n_entries; i++) {
		struct entry *e = &journal->entries[i];
		uncertain = uncertain || e->refs_before > 0;
		rewrite = rewrite || e->unwritten || e->stays;
		if (e->unwritten) {
			warn("%s: cannot write trusted.* attributes; its owner is recorded only in "
			     "the journal",
				e->path);
			e->attributes = e->unwritten = false;
		}
	}
	return (!rewrite || journal_write(journal, error)) &&
	       (!uncertain || journal_settle(journal, error));
}

static bool carry_out(struct claims_plan *plan)
{
	struct journal *journal = plan->journal;
	bool has_new = journal->n_entries > plan->first_new;
	cleanup_free char *error = NULL;

	if (!has_new && !plan->is_new)
		return true;
	if (has_new && !may_give_back(&journal->entries[plan->first_new]))
		return false;
	long long booted = boot_time(&error);
	if (booted < 0) {
		log_error("%s; nothing was changed", error);
		return false;
	}
	plan->was_settled = journal->settled;
	journal->settled = false;
	journal->boot_time = booted;
	if (!journal_write(journal, &error)) {
		log_error("%s; nothing was changed", error);
		undo(plan);
		return false;
	}
	if (!take_all(plan)) {
		undo(plan);
		return false;
	}
	if (!complete_journal(journal, &error)) {
		log_error("%s; all changes were undone", error);
		undo(plan);
		return false;
	}
	return true;
}

bool claims_carry_out(struct claims_plan *plan)
{
	if (carry_out(plan))
		return true;
	undo_rest(plan);
	return false;
}
