/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/owner.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/giveback.h"
#include "claims/libvirt_domains.h"
#include "claims/libvirt_xattr.h"
#include "claims/lockwait.h"
#include "claims/metalock.h"
#include "path/open_files.h"
#include "path/safepath.h"

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
static bool is_abandoned(const struct libvirt_xattr *r, const struct stat *st)
{
	return r->state == LIBVIRT_XATTR_STALE && open_files_first(st, (uid_t)-1) == 0;
}

/*
 * Whether attributes of the entry's object are of this boot. Where the clock was set since it
 * began, they can bear a time that seems to be another boot's; what tells is that a domain of
 * libvirt's has it open, as the user whom the object was given to.
 */
static bool is_current(const struct entry *e, const struct libvirt_xattr *r, const struct stat *st)
{
	return r->state == LIBVIRT_XATTR_CURRENT || (r->state == LIBVIRT_XATTR_STALE && r->time &&
							    open_files_have_domain(st, e->new_uid));
}

/*
 * Whether nobody can stand behind attributes of this boot: they came with a copy, which was made
 * while the original was held (cp -a, rsync -X, a backup's restore), or are what was left of
 * a holder. That no journal has the file was told before by its identity.
 */
static bool is_nobodys(const struct stat *st)
{
	return open_files_first(st, (uid_t)-1) == 0 && !libvirt_domains_exist();
}

static bool is_target(const struct entry *e, const struct stat *st)
{
	return st->st_uid == e->new_uid && st->st_gid == e->new_gid;
}

/* libvirt holds it. One that does so for another user is not to be disturbed. */
static bool join_libvirt(struct entry *e, const struct stat *st, const struct libvirt_xattr *r,
	bool is_this_boots, char **error)
{
	if (!is_target(e, st)) {
		pid_t opener = open_files_first(st, (uid_t)-1);
		cleanup_free char *who =
			opener ? open_files_text(opener)
			       : xstrdup("or it is a copy of such a file, since no process has it "
					 "open; a copy's attributes go with: setfattr -x "
					 "trusted.libvirt.security.ref_dac FILE, and likewise .dac "
					 "and .timestamp_dac");
		*error = xasprintf(
			"libvirt holds it for uid %u and gid %u, %s", st->st_uid, st->st_gid, who);
		return false;
	}
	/* Otherwise libvirt would give it back while it is held here. */
	e->attributes = true;
	e->refs_before = r->refs;
	e->old_uid = r->uid;
	e->old_gid = r->gid;
	if (is_this_boots)
		boot_time_seen(r->time);
	return true;
}

/*
 * Nobody holds it. What is the QEMU user's still was never given back: the attributes name
 * its true owner. Who else owns it has got it since.
 */
static void take_over(
	struct entry *e, const struct stat *st, const struct libvirt_xattr *r, char **note)
{
	if (is_target(e, st)) {
		e->old_uid = r->uid;
		e->old_gid = r->gid;
	}
	if (st->st_uid == r->uid && st->st_gid == r->gid)
		return;
	/* Its mode and ACL are those that its last owner has left. */
	bool is_open = e->mode & S_IWOTH || (e->ownable.acl && strstr(e->ownable.acl, "mask:"));
	if (is_target(e, st))
		*note = xasprintf("libvirt's attributes say that it is held, and it is not: it is "
				  "a copy, or was left behind; it is the file of uid %u and gid "
				  "%u, whom they name, and goes to them when it is released%s%s%s",
			r->uid, r->gid,
			is_open ? "; the QEMU user can have set its mode and ACL, "
				  "which lets others use it: "
				: "",
			is_open && e->ownable.acl ? e->ownable.acl : "",
			is_open ? "; look at it with getfacl" : "");
	else if (e->is_void)
		*note = xasprintf("libvirt's attributes say that it is held, and it is not: it is "
				  "a copy, or was left behind; they are cleared, and uid %u and "
				  "gid %u own it",
			st->st_uid, st->st_gid);
}

bool owner_plan(
	struct entry *e, int fd, const struct stat *st, bool remember, char **note, char **error)
{
	struct libvirt_xattr r;

	*note = NULL;
	e->old_uid = st->st_uid;
	e->old_gid = st->st_gid;
	e->mode = st->st_mode & 07777;
	if (!ownable_read(fd, e->type, &e->ownable, error))
		return false;
	int counts = e->type == 'f' ? libvirt_xattr_counts(fd, st) : 0;
	if (counts < 0)
		return fail(error, "tell its file system");
	if (!counts)
		return true;
	libvirt_xattr_read(fd, &r);
	if (r.state == LIBVIRT_XATTR_MALFORMED) {
		*error = xstrdup("the attributes trusted.libvirt.security.*dac are malformed, or "
				 "can't be read; look at them with: getfattr -m - -d FILE");
		return false;
	}
	if (r.state == LIBVIRT_XATTR_UNSUPPORTED) {
		if (remember)
			*note = xstrdup("its file system keeps no trusted attributes: the journal "
					"alone remembers the owner");
		return true;
	}
	e->attributes = remember;
	bool is_this_boots = is_current(e, &r, st);
	e->is_void = is_this_boots && is_nobodys(st);
	if (!e->is_void &&
		(is_this_boots || (r.state == LIBVIRT_XATTR_STALE && !is_abandoned(&r, st))))
		return join_libvirt(e, st, &r, is_this_boots, error);
	if (r.state == LIBVIRT_XATTR_CURRENT || r.state == LIBVIRT_XATTR_STALE)
		take_over(e, st, &r, note);
	return true;
}

/* Whether the locked file is still what the plan was made with. */
static bool is_as_planned(const struct entry *e, int fd, const struct stat *st)
{
	struct libvirt_xattr r;

	if (st->st_nlink > 1 || (st->st_mode & 07777) != e->mode)
		return false;
	if (!is_target(e, st) && (st->st_uid != e->old_uid || st->st_gid != e->old_gid))
		return false;
	if (!e->attributes && !e->is_void)
		return true;
	libvirt_xattr_read(fd, &r);
	if (e->refs_before)
		return r.refs == e->refs_before;
	return r.state != LIBVIRT_XATTR_CURRENT || (e->is_void && is_nobodys(st));
}

/* Writes the attributes; where they can't be, the journal alone has to do. */
static bool remember_owner(struct entry *e, int fd, char **error)
{
	struct libvirt_xattr r = {
		.uid = e->old_uid, .gid = e->old_gid, .refs = 1, .time = boot_time()};
	int result = e->refs_before ? libvirt_xattr_write_refs(fd, e->refs_before + 1)
				    : libvirt_xattr_write(fd, &r);

	if (result == 0)
		return true;
	if (e->refs_before == 0 && (errno == EPERM || errno == ENOTSUP)) {
		/* Nothing that could be said of it was written. */
		libvirt_xattr_remove(fd);
		e->unwritten = true;
		return true;
	}
	return fail(error, "write the attributes trusted.libvirt.security.*dac");
}

bool owner_take(struct entry *e, int fd, char **error)
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
	cleanup_fd int file = -1;
	enum metalock lock = metalock_take(fd, false, &file);
	e->busy = lock == METALOCK_BUSY || lock == METALOCK_LEASED;
	if (e->busy)
		lockwait_add(fd, e->path, false);
	if (lock != METALOCK_TAKEN)
		return e->busy ? false : fail(error, "open and lock it");
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
	if (!e->attributes && e->is_void && libvirt_xattr_remove(file) < 0)
		return fail(error, "remove the attributes trusted.libvirt.security.*dac");
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

/*
 * The owner comes first: who is it no more can't change the rest again. Whether a change is
 * needed is told by what the object is now.
 */
static bool restore(const struct entry *e, int fd, const struct stat *st, char **message)
{
	/* Its own user can move a file to another of his groups. */
	bool is_given =
		st->st_uid == e->new_uid && (e->new_uid != e->old_uid || st->st_gid == e->new_gid);
	const char *acl = e->acl_wanted ? e->acl_wanted : e->ownable.acl;
	mode_t mode = ownable_mode(e->mode, acl);
	cleanup_free char *said = NULL;
	/* Whose it is no more can't have done it: an earlier release could not do all. */
	bool was_closed = !is_given && (st->st_mode & 07777) == (mode & ~(mode_t)077);
	bool is_closed = was_closed;
	struct stat now;

	if (is_given && (st->st_uid != e->old_uid || st->st_gid != e->old_gid) &&
		fchownat(fd, "", e->old_uid, e->old_gid, AT_EMPTY_PATH) < 0)
		return fail(message, "give it back to its owner");
	if (st->st_nlink > 1)
		ownable_say(&said,
			xasprintf("it has %lu links now: somebody may still reach it by another "
				  "name, which find -xdev -samefile finds",
				(unsigned long)st->st_nlink));
	/* Whatever can't be done, its mode is not left as whoever it was given to has made it. */
	bool good = ownable_restore(&e->ownable, acl, fd, e->type, &said, &is_closed, message);
	if (is_closed)
		mode &= ~(mode_t)077;
	/* It could still be changed before it had its owner, and its ACL is a part of it. */
	if (fstat(fd, &now) < 0)
		return fail(message, "examine it");
	if ((now.st_mode & 07777) != mode) {
		cleanup_free char *path = xasprintf("/proc/self/fd/%d", fd);
		if (chmod(path, mode) < 0) {
			char *why;
			fail(&why, "restore its mode");
			ownable_say(message, why);
			good = false;
		}
	}
	/* What was done is said all the same: another try does not find it any more. */
	if (!good) {
		ownable_say(&said, *message);
		*message = steal_pointer(&said);
		if (is_closed)
			ownable_say(message,
				xasprintf("until then, nobody but its owner may use it (mode "
					  "%04o)",
					mode));
		return false;
	}
	if ((st->st_mode & 07777) != mode && !was_closed)
		ownable_say(&said, xasprintf("its mode had become %04o, and is %04o again",
					   st->st_mode & 07777, mode));
	*message = steal_pointer(&said);
	return true;
}

/* Whether the owner is neither the one that it was given nor the one that it had. */
static bool is_strangers(const struct entry *e, const struct stat *st)
{
	return st->st_uid != e->new_uid && st->st_uid != e->old_uid;
}

/* libvirt holds it as well, or alone. */
static enum owner_end leave_to_libvirt(struct journal *journal, struct entry *e, int file,
	const struct libvirt_xattr *r, bool counted, char **message)
{
	/* It came while the file was held here and took the QEMU user for the owner. */
	bool is_wrong = (r->uid != e->old_uid || r->gid != e->old_gid) && r->uid == e->new_uid;
	/* Once that is corrected, the journal alone tells that the count is libvirt's own. */
	if (is_wrong && !counted && e->attributes) {
		e->attributes = false;
		if (!journal_write(journal, message)) {
			e->attributes = true;
			return OWNER_KEPT;
		}
	}
	if (is_wrong && libvirt_xattr_write_owner(file, e->old_uid, e->old_gid) < 0) {
		fail(message, "correct the owner that libvirt remembers");
		return OWNER_KEPT;
	}
	/*
	 * One holder less of several is a change that nobody can tell from libvirt's own, so the
	 * journal says that it is to come before it is made.
	 */
	if (counted && !e->releasing && !journal_announce(journal, e, r->refs - 1, message))
		return OWNER_KEPT;
	if (counted && libvirt_xattr_write_refs(file, r->refs - 1) < 0) {
		fail(message, "write the number of its holders");
		return OWNER_KEPT;
	}
	return OWNER_LIBVIRT;
}

/*
 * Whether the attributes are of this boot. Where there is no clock, or it was set back, an
 * earlier boot can have had the same time: what it has left is nobody's.
 */
static bool is_held_now(const struct journal *journal, const struct entry *e,
	const struct libvirt_xattr *r, const struct stat *st, bool same_boot)
{
	if (!same_boot && (r->time == journal->boot_time ||
				  (!open_files_libvirt() && open_files_first(st, (uid_t)-1) == 0)))
		return false;
	return is_current(e, r, st);
}

/* What the decision is made from. */
static void find_facts(const struct journal *journal, const struct entry *e, int fd,
	const struct stat *st, bool same_boot, struct libvirt_xattr *r,
	struct giveback_facts *facts)
{
	int counts = libvirt_xattr_counts(fd, st);

	*r = (struct libvirt_xattr){0};
	if (counts > 0)
		libvirt_xattr_read(fd, r);
	facts->readable = counts >= 0 && r->state != LIBVIRT_XATTR_MALFORMED;
	facts->counted = e->attributes && same_boot;
	facts->refs = r->refs;
	facts->refs_before = e->refs_before;
	facts->releasing = e->releasing;
	facts->names_target = r->uid == e->new_uid;
	facts->was_targets = e->new_uid == e->old_uid;
	facts->strangers = is_strangers(e, st);
	facts->held = facts->readable && is_held_now(journal, e, r, st, same_boot);
	/* The one holder that is counted is this claim. */
	bool has_others = !facts->counted || r->refs != 1 || e->refs_before > 0 || e->releasing;
	if (facts->held && has_others && is_nobodys(st))
		facts->held = false;
	facts->libvirt_open = facts->held && facts->was_targets && open_files_libvirt() &&
			      open_files_first(st, (uid_t)-1);
}

static const char *why_kept(enum giveback what)
{
	switch (what) {
	case GIVEBACK_UNREADABLE:
		return "the attributes trusted.libvirt.security.*dac are malformed, or "
		       "can't be read";
	case GIVEBACK_CLAIM_UNCLEAR:
		return "an interrupted call left it unclear whether libvirt holds it; it comes "
		       "back at the next boot";
	case GIVEBACK_RELEASE_UNCLEAR:
		return "an interrupted release left it unclear whether libvirt holds it; it comes "
		       "back at the next boot";
	case GIVEBACK_OPEN_UNCLEAR:
		return "it can't be told whether libvirt holds it, and a process has it open; try "
		       "again when that has ended";
	case GIVEBACK_UNLOCKED:
		return "libvirt holds it too, and a lease (fcntl(2)) of some process keeps it from "
		       "being locked; try again when that has ended";
	default:
		return NULL;
	}
}

/* Nobody holds it any more. A new owner stays. */
static enum owner_end end_hold(struct entry *e, int fd, const struct stat *st,
	const struct libvirt_xattr *r, bool is_changed, char **message)
{
	if (!is_changed && !restore(e, fd, st, message))
		return OWNER_KEPT;
	/* Without CAP_SYS_ADMIN, attributes that are there seem not to be. */
	if ((e->attributes ||
		    (r->state != LIBVIRT_XATTR_NONE && r->state != LIBVIRT_XATTR_UNSUPPORTED)) &&
		libvirt_xattr_remove(fd) < 0) {
		char *why;
		fail(&why, "remove the attributes trusted.libvirt.security.*dac");
		ownable_say(message, why);
		return OWNER_KEPT;
	}
	return is_changed ? OWNER_CHANGED : OWNER_BACK;
}

static enum owner_end give_back_file(struct journal *journal, struct entry *e, int fd,
	bool same_boot, bool settled, bool locked, char **message)
{
	struct giveback_facts facts = {.settled = settled, .locked = locked};
	struct libvirt_xattr r;
	struct stat st;

	if (fstat(fd, &st) < 0) {
		fail(message, "examine it");
		return OWNER_KEPT;
	}
	find_facts(journal, e, fd, &st, same_boot, &r, &facts);
	enum giveback what = giveback_decide(&facts);
	const char *kept = why_kept(what);
	if (kept) {
		*message = xstrdup(kept);
		return OWNER_KEPT;
	}
	if (what == GIVEBACK_LIBVIRT || what == GIVEBACK_LIBVIRT_COUNT)
		return leave_to_libvirt(
			journal, e, fd, &r, what == GIVEBACK_LIBVIRT_COUNT, message);
	return end_hold(e, fd, &st, &r, what == GIVEBACK_STRANGERS, message);
}

enum owner_end owner_give_back(struct journal *journal, struct entry *e, int fd, bool same_boot,
	bool settled, char **message)
{
	struct stat st;

	*message = NULL;
	if (e->type != 'f') {
		if (fstat(fd, &st) < 0) {
			fail(message, "examine it");
			return OWNER_KEPT;
		}
		if (is_strangers(e, &st))
			return OWNER_CHANGED;
		/* Links mean nothing with devices. */
		st.st_nlink = 1;
		return restore(e, fd, &st, message) ? OWNER_BACK : OWNER_KEPT;
	}
	cleanup_fd int file = -1;
	switch (metalock_take(fd, true, &file)) {
	case METALOCK_TAKEN:
		return give_back_file(journal, e, file, same_boot, settled, true, message);
	case METALOCK_LEASED:
		/* All that is needed can be done without opening it, which would be to wait. */
		return give_back_file(journal, e, fd, same_boot, settled, false, message);
	case METALOCK_BUSY:
		lockwait_add(fd, e->path, true);
		return OWNER_BUSY;
	case METALOCK_FAILED:
		fail(message, "open and lock it");
		break;
	}
	return OWNER_KEPT;
}

bool owner_recover_libvirt(int fd, const struct stat *st, bool dry_run, bool *busy, char **message)
{
	struct libvirt_xattr r;
	struct stat now;

	*message = NULL;
	*busy = false;
	if (!S_ISREG(st->st_mode) || libvirt_xattr_counts(fd, st) != 1) {
		*message = xstrdup("libvirt's attributes don't count there: not a regular file, or "
				   "on a shared or removable file system");
		return false;
	}
	cleanup_fd int file = -1;
	enum metalock lock = metalock_take(fd, true, &file);
	*busy = lock == METALOCK_BUSY || lock == METALOCK_LEASED;
	if (lock != METALOCK_TAKEN)
		return *busy ? false : fail(message, "open and lock it");
	libvirt_xattr_read(file, &r);
	pid_t opener = open_files_first(st, (uid_t)-1);
	if (fstat(file, &now) < 0)
		return fail(message, "examine it");
	if (r.state != LIBVIRT_XATTR_CURRENT && r.state != LIBVIRT_XATTR_STALE) {
		*message = xstrdup("it has no attributes of libvirt's that name an owner");
		return false;
	}
	if (opener) {
		*message = open_files_text(opener);
		return false;
	}
	if (r.state == LIBVIRT_XATTR_CURRENT && open_files_libvirt()) {
		*message = xasprintf("libvirt holds it, and process %d is a libvirt daemon; if "
				     "it is a copy, which libvirt knows nothing of: chown "
				     "%u:%u FILE, then setfattr -x "
				     "trusted.libvirt.security.ref_dac FILE, and likewise .dac "
				     "and .timestamp_dac",
			open_files_libvirt(), r.uid, r.gid);
		return false;
	}
	if (!dry_run && fchownat(file, "", r.uid, r.gid, AT_EMPTY_PATH) < 0)
		return fail(message, "give it back to its owner");
	if (!dry_run && libvirt_xattr_remove(file) < 0)
		return fail(message, "remove the attributes trusted.libvirt.security.*dac");
	*message = xasprintf("%u:%u -> %u:%u", now.st_uid, now.st_gid, r.uid, r.gid);
	return true;
}
