/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/release.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/acl.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_file.h"
#include "claims/owner_back.h"
#include "claims/released.h"
#include "claims/touched.h"
#include "path/open_files.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One call for one journal. */
struct release {
	struct owner_back back;
	bool recovering;
	struct touched touched;
};

/* Whether the journal of another VM has such an entry for the object. */
static bool is_others(
	const struct owner_back *back, const struct fileid *id, enum entry_kind kind, uid_t uid)
{
	for (size_t i = 0; i < back->n_all; i++) {
		const struct entry *e = NULL;
		if (strcmp(back->all[i]->name, back->journal->name) == 0)
			continue;
		while ((e = journal_find(back->all[i], id, e)) != NULL)
			if (e->kind == kind && (uid == (uid_t)-1 || e->new_uid == uid))
				return true;
	}
	return false;
}

/* What there is to say of an entry, and whether that means that something was not done. */
static bool report(const struct entry *e, const char *message, bool problem)
{
	if (problem)
		log_error("%s: %s", e->path, message);
	else
		info("%s: %s", e->path, message);
	return !problem;
}

/* The entry stays. */
static bool keep(const struct release *release, struct entry *e, char *why)
{
	claims_keep(release->back.journal, e, why);
	return false;
}

/* libvirt gives it back, if what its attributes say is true. is_open: whether anybody can have it.
 */
static bool report_libvirt(const struct entry *e, const struct stat *st, bool is_open)
{
	if (is_open && open_files_first(st, (uid_t)-1))
		return report(e, "libvirt uses it as well, and restores its owner", false);
	cleanup_free char *word = shell_word(e->path);
	warn("%s: libvirt uses it as well, according to its attributes, so the QEMU user owns it "
	     "until libvirt restores its owner; no process has it open; if it is a copy: "
	     "virt-priv-chown recover --libvirt %s",
		e->path, word);
	return true;
}

static bool report_changed(const struct entry *e)
{
	cleanup_free char *text = xasprintf(
		"owner changed while claimed; not restored (was %u:%u)", e->old_uid, e->old_gid);

	return report(e, text, true);
}

/*
 * What there is to say of an object that its owner has again: what was put right, and who can go
 * on using it. is_open: whether anybody can have had it open before; opener: who had, of the QEMU
 * user's.
 */
static bool report_back(const struct entry *e, const struct stat *st, bool is_open, pid_t opener,
	const char *message)
{
	if (message)
		report(e, message, true);
	/* Who changed something can have opened it until it was put back. */
	if (message && !opener) {
		open_files_forget();
		opener = open_files_first(st, e->new_uid);
	}
	if (!opener && (is_open || message))
		opener = open_files_writer(st, e->old_uid, holder_writes);
	if (opener) {
		cleanup_free char *who =
			open_files_is_unseen(opener)
				? open_files_text(opener)
				: xasprintf("process %d still has it open", opener);
		report(e, who, true);
	}
	return !message && !opener;
}

static bool give_back_grant(const struct release *release, struct entry *e, int fd)
{
	char *message = NULL;

	/* Another VM relies on the same ACL entry. */
	e->done = is_others(&release->back, &e->id, ENTRY_GRANT, e->new_uid) ||
		  acl_grant_take_back(e, fd, &message);
	return e->done || keep(release, e, message);
}

/* Gives one object back. Returns whether all went as it should. */
static bool give_back(struct release *release, size_t i, int fd)
{
	struct entry *e = &release->back.journal->entries[i];
	cleanup_free char *message = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return keep(release, e, xasprintf("cannot examine it: %s", strerror(errno)));
	/* Before this program has it open itself. */
	bool is_open = e->kind == ENTRY_OWNER && !open_files_has_none(fd, &st);
	touched_add(&release->touched, i, fd, &st);
	if (e->kind == ENTRY_GRANT)
		return give_back_grant(release, e, fd);
	pid_t opener = is_open ? open_files_first(&st, e->new_uid) : 0;
	if (opener == OPEN_FILES_UNSEEN ||
		(opener && release->recovering && release->back.same_boot)) {
		cleanup_free char *who = open_files_text(opener);
		cleanup_free char *text = xasprintf("%s, so it stays", who);
		return report(e, text, open_files_is_unseen(opener));
	}
	enum owner_end end = owner_give_back(&release->back, e, fd, &message);
	e->done = end != OWNER_KEPT && end != OWNER_BUSY;
	switch (end) {
	case OWNER_KEPT:
		return keep(release, e, steal_pointer(&message));
	case OWNER_BUSY:
		/* That is told when it was waited for. */
		return true;
	case OWNER_CHANGED:
		return report_changed(e);
	case OWNER_LIBVIRT:
		return report_libvirt(e, &st, is_open);
	case OWNER_BACK:
		break;
	}
	return report_back(e, &st, is_open, opener, message);
}

/* Whether what may be the object of the entry is the QEMU user's, and no other VM's. */
static bool is_to_be_put_right(
	const struct release *release, const struct entry *e, int fd, const struct stat *st)
{
	cleanup_free char *ignored = NULL;
	struct fileid id;

	return (e->kind == ENTRY_GRANT || st->st_uid == e->new_uid) &&
	       fileid_of(fd, &id, &ignored) && !is_others(&release->back, &id, e->kind, (uid_t)-1);
}

/*
 * What may be the object, or a copy of it, is put right where it is the QEMU user's, and the
 * entry stays: the object itself may be another one.
 */
static bool put_right(struct release *release, size_t i, const struct claims_object *object)
{
	struct entry *e = &release->back.journal->entries[i];
	cleanup_free char *message = NULL;
	const char *done = "";
	struct stat st;

	bool is_known = fstat(object->fd, &st) == 0;
	if (is_known)
		touched_add(&release->touched, i, object->fd, &st);
	if (is_known && is_to_be_put_right(release, e, object->fd, &st)) {
		if (e->kind == ENTRY_GRANT)
			done = acl_grant_take_back(e, object->fd, &message)
				       ? "; its ACL entry was removed"
				       : "";
		else if (owner_give_back(&release->back, e, object->fd, &message) == OWNER_BACK)
			done = "; its owner was restored";
	}
	return keep(release, e,
		xasprintf("%s%s%s%s", object->why, done, message ? "; " : "",
			message ? message : ""));
}

/* Gives back the object of an entry, wherever it is, and says what is not well. */
static bool release_entry(struct release *release, size_t i)
{
	struct entry *e = &release->back.journal->entries[i];
	struct claims_object object;
	bool good = false;

	free(e->kept);
	e->kept = NULL;
	claims_find(release->back.journal, e, &object);
	if (object.how == FILEID_FOUND) {
		good = give_back(release, i, object.fd);
		/* It was moved aside with its subvolume, for a snapshot of it. */
		if (e->done && claims_find_snapshot(e, &object)) {
			e->done = false;
			good = put_right(release, i, &object);
		}
	} else if (object.is_doubtful) {
		good = put_right(release, i, &object);
	} else if (object.how == FILEID_ENDED) {
		e->done = good = true;
		info("%s: %s", e->path, object.why);
	} else if (object.how == FILEID_GONE) {
		e->done = true;
		log_error("%s: %s; nothing was changed at this path", e->path, object.why);
	} else {
		good = keep(release, e, steal_pointer(&object.why));
	}
	claims_object_free(&object);
	return good;
}

static bool is_all_done(const struct journal *journal)
{
	for (size_t i = 0; i < journal->n_entries; i++)
		if (!journal->entries[i].done)
			return false;
	return true;
}

bool claims_release(struct journal *journal, const char *path, enum release_why why,
	struct journal *const *all, size_t n_all, struct lockwait *waits)
{
	struct release release = {.back = {.journal = journal,
					  .same_boot = strcmp(journal->boot, boot_id()) == 0,
					  .settled = journal->settled,
					  .all = all,
					  .n_all = n_all,
					  .waits = waits},
		.recovering = why == RELEASE_RECOVERED,
		.touched = touched_begin(journal)};
	cleanup_free char *error = NULL;
	bool good = true;

	open_files_expect(path ? 1 : journal->n_entries);
	for (size_t i = 0; i < journal->n_entries; i++) {
		const char *its = journal->entries[i].path;
		if ((path && strcmp(path, its) != 0) || !lockwait_due(waits, its))
			continue;
		good = release_entry(&release, i) && good;
	}
	if (!path && why == RELEASE_ENDED && is_all_done(journal) &&
		released_put_aside(journal, &release.touched)) {
		journal_sweep(journal);
		return good;
	}
	good = touched_sync(&release.touched, journal) && good;
	journal_sweep(journal);
	/* A VM all of whose disks were dropped is still one that others can be added to. */
	if (!(!path && journal->n_entries == 0 ? journal_remove(journal, &error)
					       : journal_write(journal, &error))) {
		log_error("%s", error);
		good = false;
	}
	return good;
}

bool claims_release_end(void)
{
	return released_finish();
}

char *claims_stays_claimed(const char *name, const char *why)
{
	return xasprintf("%s; what VM '%s' still has claimed stays claimed; list it: "
			 "virt-priv-chown status",
		why, name);
}
