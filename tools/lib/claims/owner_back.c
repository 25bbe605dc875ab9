/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/owner_back.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/acl_kept.h"
#include "claims/giveback.h"
#include "claims/journal_file.h"
#include "claims/libvirt_domains.h"
#include "claims/libvirt_xattr.h"
#include "claims/metalock.h"
#include "claims/ownable.h"
#include "path/open_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Ask. */

/*
 * Whether the attributes are of this boot. Where there is no clock, or it was set back, an
 * earlier boot can have had the same time: what it has left is nobody's.
 */
static bool is_held_now(const struct owner_back *back, const struct entry *e,
	const struct libvirt_xattr *r, const struct stat *st)
{
	if (!back->same_boot &&
		(r->time == back->journal->boot_time ||
			(!open_files_libvirt() && open_files_first(st, (uid_t)-1) == 0)))
		return false;
	return libvirt_domains_are_current(r, st, e->new_uid);
}

/* What the decision is made from; *r is what libvirt remembers, of devices nothing. */
static void find_facts(const struct owner_back *back, const struct entry *e, int fd,
	const struct stat *st, struct libvirt_xattr *r, struct giveback_facts *f)
{
	int counts = e->type == 'f' ? libvirt_xattr_counts(fd, st) : 0;

	*r = (struct libvirt_xattr){0};
	if (counts > 0)
		libvirt_xattr_read(fd, r);
	f->readable = counts >= 0 && r->state != LIBVIRT_XATTR_MALFORMED;
	f->attributes = e->attributes;
	f->counted = e->attributes && back->same_boot;
	f->settled = back->settled;
	f->refs = r->refs;
	f->refs_before = e->refs_before;
	f->releasing = e->releasing;
	f->names_target = r->uid == e->new_uid;
	f->names_other = r->uid != e->old_uid || r->gid != e->old_gid;
	f->was_targets = e->new_uid == e->old_uid;
	f->strangers = st->st_uid != e->new_uid && st->st_uid != e->old_uid;
	f->held = f->readable && is_held_now(back, e, r, st) &&
		  !(giveback_asks_who(f) && libvirt_domains_is_nobodys(st));
	f->libvirt_open = f->held && f->was_targets && open_files_libvirt() &&
			  open_files_first(st, (uid_t)-1);
}

/* Apply. */

static const char *why_kept(enum giveback what)
{
	switch (what) {
	case GIVEBACK_UNREADABLE:
		return "the attributes trusted.libvirt.security.*dac are malformed, or cannot be "
		       "read";
	case GIVEBACK_CLAIM_UNCLEAR:
		return "cannot determine whether libvirt still uses it after an interrupted call; "
		       "restored at the next boot";
	case GIVEBACK_RELEASE_UNCLEAR:
		return "cannot determine whether libvirt still uses it after an interrupted "
		       "release; restored at the next boot";
	case GIVEBACK_OPEN_UNCLEAR:
		return "cannot determine whether libvirt still uses it, and a process has it open; "
		       "try again when that process has ended";
	case GIVEBACK_UNLOCKED:
		return "libvirt uses it as well, and it cannot be locked while a process has a "
		       "lease on it (fcntl(2)); try again when the lease has ended";
	default:
		return NULL;
	}
}

/*
 * The owner comes first: who is it no more can't change the rest again. Whether a change is
 * needed is told by what the object is now.
 */
static bool restore(const struct entry *e, int fd, bool is_open, const struct stat *st,
	const char *acl, char **message)
{
	const struct ownable_object object = {fd, is_open, e->type, st->st_mode};
	/* Its own user can move a file to another of his groups. */
	bool is_given =
		st->st_uid == e->new_uid && (e->new_uid != e->old_uid || st->st_gid == e->new_gid);
	mode_t mode = ownable_mode(e->mode, acl);
	cleanup_free char *said = NULL;
	/* Whose it is no more can't have done it: an earlier release could not do all. */
	bool was_closed = !is_given && (st->st_mode & 07777) == (mode & ~(mode_t)077);
	bool is_closed = was_closed;
	struct stat now;

	if (is_given && (st->st_uid != e->old_uid || st->st_gid != e->old_gid) &&
		fchownat(fd, "", e->old_uid, e->old_gid, AT_EMPTY_PATH) < 0)
		return error_set_errno(message, "cannot restore its owner");
	/* Links mean nothing with devices. */
	if (e->type == 'f' && st->st_nlink > 1)
		ownable_say(&said, xasprintf("it now has %lu hard links, and may be accessible "
					     "under another name; list them: find -xdev -samefile",
					   (unsigned long)st->st_nlink));
	/* Whatever can't be done, its mode is not left as whoever it was given to has made it. */
	bool good = ownable_restore(&e->ownable, acl, &object, &said, &is_closed, message);
	if (is_closed)
		mode &= ~(mode_t)077;
	/* It could still be changed before it had its owner, and its ACL is a part of it. */
	if (fstat(fd, &now) < 0)
		return error_set_errno(message, "cannot examine it");
	if ((now.st_mode & 07777) != mode && chmod(IO_FD_PATH(fd), mode) < 0) {
		char *why;
		good = error_set_errno(&why, "cannot restore its mode");
		ownable_say(message, why);
	}
	/* What was done is said all the same: another try does not find it any more. */
	if (!good) {
		ownable_say(&said, *message);
		*message = steal_pointer(&said);
		if (is_closed)
			ownable_say(message,
				xasprintf(
					"until then, only its owner has access (mode %04o)", mode));
		return false;
	}
	if ((st->st_mode & 07777) != mode && !was_closed)
		ownable_say(&said, xasprintf("its mode was changed to %04o; restored to %04o",
					   st->st_mode & 07777, mode));
	*message = steal_pointer(&said);
	return true;
}

/* libvirt holds it as well, or alone. */
static enum owner_end leave_to_libvirt(const struct owner_back *back, struct entry *e, int file,
	const struct libvirt_xattr *r, const struct giveback_steps *steps, char **message)
{
	if (steps->forget) {
		e->attributes = false;
		if (!journal_write(back->journal, message)) {
			e->attributes = true;
			return OWNER_KEPT;
		}
	}
	if (steps->correct && libvirt_xattr_write_owner(file, e->old_uid, e->old_gid) < 0) {
		error_set_errno(message, "cannot correct the owner that libvirt remembers");
		return OWNER_KEPT;
	}
	if (steps->announce && !journal_announce(back->journal, e, r->refs - 1, message))
		return OWNER_KEPT;
	if (steps->count && libvirt_xattr_write_refs(file, r->refs - 1) < 0) {
		error_set_errno(message, "cannot write the user count");
		return OWNER_KEPT;
	}
	return OWNER_LIBVIRT;
}

/* Nobody holds it any more. Where there are no attributes, none are removed. */
static bool remove_attributes(
	const struct entry *e, int fd, const struct libvirt_xattr *r, char **message)
{
	char *why;

	/* Without CAP_SYS_ADMIN, attributes that are there seem not to be. */
	bool are_there = e->attributes ||
			 (r->state != LIBVIRT_XATTR_NONE && r->state != LIBVIRT_XATTR_UNSUPPORTED);
	if (!are_there || libvirt_xattr_remove(fd) == 0)
		return true;
	error_set_errno(&why, "cannot remove the attributes trusted.libvirt.security.*dac");
	ownable_say(message, why);
	return false;
}

static enum owner_end give_back(const struct owner_back *back, struct entry *e, int fd, bool locked,
	const char *acl, char **message)
{
	struct giveback_facts facts = {.locked = locked};
	struct giveback_steps steps;
	struct libvirt_xattr r;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		error_set_errno(message, "cannot examine it");
		return OWNER_KEPT;
	}
	find_facts(back, e, fd, &st, &r, &facts);
	enum giveback what = giveback_decide(&facts);
	switch (what) {
	case GIVEBACK_LIBVIRT:
	case GIVEBACK_LIBVIRT_COUNT:
		steps = giveback_steps(&facts, what);
		return leave_to_libvirt(back, e, fd, &r, &steps, message);
	case GIVEBACK_STRANGERS:
		return remove_attributes(e, fd, &r, message) ? OWNER_CHANGED : OWNER_KEPT;
	case GIVEBACK_RESTORE:
		return restore(e, fd, locked, &st, acl, message) &&
				       remove_attributes(e, fd, &r, message)
			       ? OWNER_BACK
			       : OWNER_KEPT;
	default:
		*message = xstrdup(why_kept(what));
		return OWNER_KEPT;
	}
}

enum owner_end owner_give_back(
	const struct owner_back *back, struct entry *e, int fd, char **message)
{
	cleanup_free char *acl = NULL;
	cleanup_fd int file = -1;

	*message = NULL;
	if (e->ownable.acl &&
		!(acl = acl_kept_with_grants(back->journal, e, back->all, back->n_all, message)))
		return OWNER_KEPT;
	if (e->type != 'f')
		return give_back(back, e, fd, false, acl, message);
	switch (metalock_take(fd, true, &file)) {
	case METALOCK_TAKEN:
		return give_back(back, e, file, true, acl, message);
	case METALOCK_LEASED:
		/* All that is needed can be done without opening it, which would be to wait. */
		return give_back(back, e, fd, false, acl, message);
	case METALOCK_BUSY:
		return lockwait_add(back->waits, fd, e->path, true, message) ? OWNER_BUSY
									     : OWNER_KEPT;
	case METALOCK_FAILED:
		error_set_errno(message, "cannot open and lock it");
		break;
	}
	return OWNER_KEPT;
}
