/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "holding.h"

#include "boot.h"
#include "cleanup.h"
#include "log.h"
#include "openers.h"
#include "remembered.h"
#include "safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool fail(char **error, const char *what)
{
	*error = xasprintf("can't %s: %s", what, strerror(errno));
	return false;
}

/* Attributes of another boot, unless somebody has the file open: then they are not to be trusted.
 */
static bool is_abandoned(const struct remembered *r, const struct stat *st)
{
	return r->state == REMEMBERED_STALE && openers_first(st, (uid_t)-1) == 0;
}

/*
 * Whether attributes of the entry's object are of this boot. Where the clock was set since it
 * began, they can bear a time that seems to be another boot's; what tells is that a domain of
 * libvirt's has it open, as the user whom the object was given to.
 */
static bool is_current(const struct entry *e, const struct remembered *r, const struct stat *st)
{
	return r->state == REMEMBERED_CURRENT ||
	       (r->state == REMEMBERED_STALE && r->time && openers_have_domain(st, e->new_uid));
}

static bool is_target(const struct entry *e, const struct stat *st)
{
	return st->st_uid == e->new_uid && st->st_gid == e->new_gid;
}

bool holding_plan(
	struct entry *e, int fd, const struct stat *st, bool remember, char **note, char **error)
{
	struct remembered r;

	*note = NULL;
	e->old_uid = st->st_uid;
	e->old_gid = st->st_gid;
	e->mode = st->st_mode & 07777;
	int counts = e->type == 'f' ? remembered_counts(fd, st) : 0;
	if (counts < 0)
		return fail(error, "tell its file system");
	if (!counts)
		return true;
	remembered_read(fd, &r);
	if (r.state == REMEMBERED_MALFORMED) {
		*error = xstrdup("the attributes trusted.libvirt.security.*dac are malformed, or "
				 "can't be read; look at them with: getfattr -m - -d FILE");
		return false;
	}
	if (r.state == REMEMBERED_UNSUPPORTED) {
		if (remember)
			*note = xstrdup("its file system keeps no trusted attributes: the journal "
					"alone remembers the owner");
		return true;
	}
	e->attributes = remember;
	bool current = is_current(e, &r, st);
	if (current || (r.state == REMEMBERED_STALE && !is_abandoned(&r, st))) {
		if (!is_target(e, st)) {
			*error = xasprintf(
				"libvirt holds it for uid %u and gid %u", st->st_uid, st->st_gid);
			return false;
		}
		/* Otherwise libvirt would give it back while it is held here. */
		e->attributes = true;
		e->refs_before = r.refs;
		e->old_uid = r.uid;
		e->old_gid = r.gid;
		if (current)
			boot_time_seen(r.time);
	} else if (r.state == REMEMBERED_STALE && is_target(e, st)) {
		/* Left behind by a libvirt that never gave it back: they name the true owner. */
		e->old_uid = r.uid;
		e->old_gid = r.gid;
	}
	return true;
}

/* Whether the locked file is still what the plan was made with. */
static bool is_as_planned(const struct entry *e, int fd, const struct stat *st)
{
	struct remembered r;

	if (st->st_nlink > 1 || (st->st_mode & 07777) != e->mode)
		return false;
	if (!is_target(e, st) && (st->st_uid != e->old_uid || st->st_gid != e->old_gid))
		return false;
	if (!e->attributes)
		return true;
	remembered_read(fd, &r);
	return e->refs_before ? r.refs == e->refs_before : r.state != REMEMBERED_CURRENT;
}

/* Writes the attributes; where they can't be, the journal alone has to do. */
static bool remember_owner(struct entry *e, int fd, char **error)
{
	struct remembered r = {
		.uid = e->old_uid, .gid = e->old_gid, .refs = 1, .time = boot_time()};
	int result = e->refs_before ? remembered_write_refs(fd, e->refs_before + 1)
				    : remembered_write(fd, &r);

	if (result == 0)
		return true;
	if (e->refs_before == 0 && (errno == EPERM || errno == ENOTSUP)) {
		/* Nothing that could be said of it was written. */
		remembered_remove(fd);
		e->unwritten = true;
		return true;
	}
	return fail(error, "write the attributes trusted.libvirt.security.*dac");
}

bool holding_take(struct entry *e, int fd, char **error)
{
	struct stat st;

	if (e->type != 'f') {
		if (fstat(fd, &st) < 0)
			return fail(error, "examine it");
		if (st.st_uid != e->old_uid || st.st_gid != e->old_gid) {
			*error = xstrdup("its owner changed meanwhile; try again");
			return false;
		}
		e->changed = true;
		return fchownat(fd, "", e->new_uid, e->new_gid, AT_EMPTY_PATH) == 0 ||
		       fail(error, "change its owner");
	}
	cleanup_fd int file = safepath_reopen(fd, O_RDWR | O_NONBLOCK);
	if (file < 0)
		return fail(error, "open it");
	if (remembered_lock(file) < 0) {
		if (errno == EAGAIN)
			*error = xstrdup("libvirt, or somebody else, has held its metadata lock "
					 "for 5 s; try again");
		return errno == EAGAIN ? false : fail(error, "lock it");
	}
	if (fstat(file, &st) < 0)
		return fail(error, "examine it");
	if (!is_as_planned(e, file, &st)) {
		*error = xstrdup("it changed meanwhile; try again");
		return false;
	}
	/* One more holder is all or nothing; three new attributes can be a part of that. */
	e->changed = e->refs_before == 0;
	if (e->attributes && !remember_owner(e, file, error))
		return false;
	e->changed = true;
	if (!is_target(e, &st) && fchown(file, e->new_uid, e->new_gid) < 0)
		return fail(error, "change its owner");
	/* There are file systems that say yes and do nothing. */
	if (fstat(file, &st) < 0)
		return fail(error, "examine it");
	if (!is_target(e, &st)) {
		*error = xstrdup("its file system does not change owners");
		return false;
	}
	return true;
}

/* Owner, then mode. Whether that is needed is told by what the object is now. */
static bool restore(const struct entry *e, int fd, const struct stat *st, char **message)
{
	bool mode_differs = (st->st_mode & 07777) != e->mode;
	/* Its own user can move a file to another of his groups. */
	bool is_given =
		st->st_uid == e->new_uid && (e->new_uid != e->old_uid || st->st_gid == e->new_gid);

	if (is_given && (st->st_uid != e->old_uid || st->st_gid != e->old_gid) &&
		fchownat(fd, "", e->old_uid, e->old_gid, AT_EMPTY_PATH) < 0)
		return fail(message, "give it back to its owner");
	if (mode_differs) {
		cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
		if (chmod(path, e->mode) < 0)
			return fail(message, "restore its mode");
	}
	if (st->st_nlink > 1)
		*message = xasprintf("it has %lu links now: somebody may still reach it by another "
				     "name",
			(unsigned long)st->st_nlink);
	else if (mode_differs)
		*message = xasprintf("its mode had become %04o, and is %04o again",
			st->st_mode & 07777, e->mode);
	return true;
}

/* Whether the owner is neither the one that it was given nor the one that it had. */
static bool is_strangers(const struct entry *e, const struct stat *st)
{
	return st->st_uid != e->new_uid && st->st_uid != e->old_uid;
}

/* libvirt holds it as well, or alone. */
static enum holding_end leave_to_libvirt(struct journal *journal, struct entry *e, int file,
	const struct remembered *r, bool counted, char **message)
{
	/* It came while the file was held here and took the QEMU user for the owner. */
	bool is_wrong = (r->uid != e->old_uid || r->gid != e->old_gid) && r->uid == e->new_uid;
	/* Once that is corrected, the journal alone tells that the count is libvirt's own. */
	if (is_wrong && !counted && e->attributes) {
		e->attributes = false;
		if (!journal_write(journal, message)) {
			e->attributes = true;
			return HOLDING_KEPT;
		}
	}
	if (is_wrong && remembered_write_owner(file, e->old_uid, e->old_gid) < 0) {
		fail(message, "correct the owner that libvirt remembers");
		return HOLDING_KEPT;
	}
	/*
	 * One holder less of several is a change that nobody can tell from libvirt's own, so the
	 * journal says that it is to come before it is made.
	 */
	if (counted && !e->releasing && !journal_announce(journal, e, r->refs - 1, message))
		return HOLDING_KEPT;
	if (counted && remembered_write_refs(file, r->refs - 1) < 0) {
		fail(message, "write the number of its holders");
		return HOLDING_KEPT;
	}
	return HOLDING_LIBVIRT;
}

/*
 * Whether the attributes are of this boot. Where there is no clock, or it was set back, an
 * earlier boot can have had the same time: what it has left is nobody's.
 */
static bool is_held_now(const struct journal *journal, const struct entry *e,
	const struct remembered *r, const struct stat *st, bool same_boot)
{
	if (!same_boot && (r->time == journal->boot_time ||
				  (!openers_libvirt() && openers_first(st, (uid_t)-1) == 0)))
		return false;
	return is_current(e, r, st);
}

static enum holding_end give_back_file(struct journal *journal, struct entry *e, int file,
	const struct stat *st, bool same_boot, bool settled, char **message)
{
	struct remembered r = {0};
	bool counted = e->attributes && same_boot;

	int counts = remembered_counts(file, st);
	if (counts > 0)
		remembered_read(file, &r);
	if (counts < 0 || r.state == REMEMBERED_MALFORMED) {
		*message = xstrdup("the attributes trusted.libvirt.security.*dac are malformed, or "
				   "can't be read");
		return HOLDING_KEPT;
	}
	if (is_held_now(journal, e, &r, st, same_boot)) {
		if (counted && !settled && e->refs_before > 0 && r.refs <= e->refs_before) {
			*message = xstrdup("an interrupted call left it unclear whether libvirt "
					   "holds it; it comes back at the next boot");
			return HOLDING_KEPT;
		}
		/*
		 * libvirt took the QEMU user for the owner, so it found no attributes: it discards
		 * those of others when a domain of its own ends.
		 */
		if (r.uid == e->new_uid && e->new_uid != e->old_uid)
			counted = false;
		if (counted && e->releasing && r.refs - 1 != e->releasing) {
			*message = xstrdup("an interrupted release left it unclear whether libvirt "
					   "holds it; it comes back at the next boot");
			return HOLDING_KEPT;
		}
		if (counted && r.refs == 1 && e->new_uid == e->old_uid && openers_libvirt() &&
			openers_first(st, (uid_t)-1)) {
			*message =
				xstrdup("it can't be told whether libvirt holds it, and a process "
					"has it open; try again when that has ended");
			return HOLDING_KEPT;
		}
		if (!counted || r.refs > 1)
			return leave_to_libvirt(journal, e, file, &r, counted, message);
	}
	/* A new owner stays; that the file is held, and whose it was, is no longer true. */
	bool is_changed = is_strangers(e, st);
	if (!is_changed && !restore(e, file, st, message))
		return HOLDING_KEPT;
	/* Without CAP_SYS_ADMIN, attributes that are there seem not to be. */
	if ((e->attributes || (r.state != REMEMBERED_NONE && r.state != REMEMBERED_UNSUPPORTED)) &&
		remembered_remove(file) < 0) {
		fail(message, "remove the attributes trusted.libvirt.security.*dac");
		return HOLDING_KEPT;
	}
	return is_changed ? HOLDING_CHANGED : HOLDING_BACK;
}

enum holding_end holding_give_back(struct journal *journal, struct entry *e, int fd, bool same_boot,
	bool settled, char **message)
{
	struct stat st;

	*message = NULL;
	if (e->type != 'f') {
		if (fstat(fd, &st) < 0) {
			fail(message, "examine it");
			return HOLDING_KEPT;
		}
		if (is_strangers(e, &st))
			return HOLDING_CHANGED;
		/* Links mean nothing with devices. */
		st.st_nlink = 1;
		return restore(e, fd, &st, message) ? HOLDING_BACK : HOLDING_KEPT;
	}
	cleanup_fd int file = safepath_reopen(fd, O_RDWR | O_NONBLOCK);
	if (file < 0) {
		fail(message, "open it");
		return HOLDING_KEPT;
	}
	if (remembered_lock(file) < 0) {
		if (errno == EAGAIN)
			*message =
				xstrdup("libvirt, or somebody else, has held its metadata lock for "
					"5 s; try again");
		else
			fail(message, "lock it");
		return HOLDING_KEPT;
	}
	if (fstat(file, &st) < 0) {
		fail(message, "examine it");
		return HOLDING_KEPT;
	}
	return give_back_file(journal, e, file, &st, same_boot, settled, message);
}

bool holding_recover_libvirt(int fd, const struct stat *st, bool dry_run, char **message)
{
	struct remembered r;
	struct stat now;

	*message = NULL;
	if (!S_ISREG(st->st_mode) || remembered_counts(fd, st) != 1) {
		*message = xstrdup("libvirt's attributes don't count there: not a regular file, or "
				   "on a shared or removable file system");
		return false;
	}
	cleanup_fd int file = safepath_reopen(fd, O_RDWR | O_NONBLOCK);
	if (file < 0)
		return fail(message, "open it");
	if (remembered_lock(file) < 0)
		return fail(message, "take its metadata lock");
	remembered_read(file, &r);
	pid_t opener = openers_first(st, (uid_t)-1);
	if (fstat(file, &now) < 0)
		return fail(message, "examine it");
	if (r.state != REMEMBERED_CURRENT && r.state != REMEMBERED_STALE) {
		*message = xstrdup("it has no attributes of libvirt's that name an owner");
		return false;
	}
	if (opener) {
		*message = xasprintf("process %d has it open", opener);
		return false;
	}
	if (r.state == REMEMBERED_CURRENT && openers_libvirt()) {
		*message = xasprintf(
			"libvirt holds it, and process %d is a libvirt daemon", openers_libvirt());
		return false;
	}
	if (!dry_run && fchown(file, r.uid, r.gid) < 0)
		return fail(message, "give it back to its owner");
	if (!dry_run && remembered_remove(file) < 0)
		return fail(message, "remove the attributes trusted.libvirt.security.*dac");
	*message = xasprintf("%u:%u -> %u:%u", now.st_uid, now.st_gid, r.uid, r.gid);
	return true;
}
