/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/owner.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/libvirt_domains.h"
#include "claims/libvirt_xattr.h"
#include "claims/metalock.h"
#include "claims/ownable.h"
#include "path/open_files.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Attributes of another boot, unless somebody has the file open: then they are not to be trusted.
 */
static bool is_abandoned(const struct libvirt_xattr *r, const struct stat *st)
{
	return r->state == LIBVIRT_XATTR_STALE && open_files_first(st, (uid_t)-1) == 0;
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
					 "open; to remove the attributes of a copy: setfattr -x "
					 "trusted.libvirt.security.ref_dac FILE, and likewise .dac "
					 "and .timestamp_dac");
		*error = xasprintf(
			"libvirt uses it for uid %u and gid %u, %s", st->st_uid, st->st_gid, who);
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
		*note = xasprintf("libvirt's attributes are stale: no domain uses it, so it is a "
				  "copy, or was left behind; the owner that they name, uid %u and "
				  "gid %u, is restored when it is released%s%s%s",
			r->uid, r->gid,
			is_open ? "; the QEMU user may have set its mode and ACL, which give "
				  "access to others: "
				: "",
			is_open && e->ownable.acl ? e->ownable.acl : "",
			is_open ? "; see getfacl" : "");
	else if (e->is_void)
		*note = xasprintf("libvirt's attributes are stale: no domain uses it, so it is a "
				  "copy, or was left behind; they are removed, and it keeps its "
				  "owner, uid %u and gid %u",
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
	bool ignored;
	cleanup_fd int file = ownable_open(fd, e->type, &ignored);
	const struct ownable_object object = {
		file < 0 ? fd : file, file >= 0, e->type, st->st_mode};
	cleanup_xattr_names struct xattr_names names = xattr_names_of(object.fd);
	if (!ownable_read(&object, &names, &e->ownable, error))
		return false;
	int counts = e->type == 'f' ? libvirt_xattr_counts(fd, st) : 0;
	if (counts < 0)
		return error_set_errno(error, "cannot determine its file system");
	if (!counts)
		return true;
	libvirt_xattr_read_named(object.fd, st, &names, &r);
	if (r.state == LIBVIRT_XATTR_MALFORMED) {
		*error = xstrdup("the attributes trusted.libvirt.security.*dac are malformed, or "
				 "cannot be read; list them: getfattr -m - -d FILE");
		return false;
	}
	if (r.state == LIBVIRT_XATTR_UNSUPPORTED) {
		if (remember)
			*note = xstrdup("its file system does not support trusted.* attributes; "
					"its owner is recorded only in the journal");
		return true;
	}
	/* Whether anybody stands behind them shows by who has the file open. */
	if ((r.state == LIBVIRT_XATTR_CURRENT || r.state == LIBVIRT_XATTR_STALE) &&
		open_files_first(st, (uid_t)-1) == OPEN_FILES_UNSEEN) {
		*error = open_files_text(OPEN_FILES_UNSEEN);
		return false;
	}
	e->attributes = remember;
	bool is_this_boots = libvirt_domains_are_current(&r, st, e->new_uid);
	e->is_void = is_this_boots && libvirt_domains_is_nobodys(st);
	if (!e->is_void &&
		(is_this_boots || (r.state == LIBVIRT_XATTR_STALE && !is_abandoned(&r, st))))
		return join_libvirt(e, st, &r, is_this_boots, error);
	if (r.state == LIBVIRT_XATTR_CURRENT || r.state == LIBVIRT_XATTR_STALE)
		take_over(e, st, &r, note);
	return true;
}

static const char changed[] = "it changed meanwhile; try again";

/* Whether the attributes of the locked file are still what the plan was made with. */
static bool has_planned_attributes(
	const struct entry *e, int fd, const struct stat *st, char **error)
{
	struct libvirt_xattr r;

	if (!e->attributes && !e->is_void)
		return true;
	cleanup_xattr_names struct xattr_names names = xattr_names_of(fd);
	libvirt_xattr_read_named(fd, st, &names, &r);
	if (r.state == LIBVIRT_XATTR_MALFORMED)
		return error_set_errno(
			error, "cannot read the attributes trusted.libvirt.security.*dac again");
	if (e->refs_before ? r.refs == e->refs_before
			   : r.state != LIBVIRT_XATTR_CURRENT ||
				     (e->is_void && libvirt_domains_is_nobodys(st)))
		return true;
	return error_set(error, "%s", changed);
}

/* Whether all of it is. False and a new message if not. */
static bool is_as_planned(const struct entry *e, int fd, const struct stat *st, char **error)
{
	bool has_mode = st->st_nlink <= 1 && (st->st_mode & 07777) == e->mode;
	bool has_owner = is_target(e, st) || (st->st_uid == e->old_uid && st->st_gid == e->old_gid);

	if (!has_mode || !has_owner)
		return error_set(error, "%s", changed);
	return has_planned_attributes(e, fd, st, error);
}

/* Writes the attributes; where they can't be, the journal alone has to do. */
static bool remember_owner(struct entry *e, int fd, char **error)
{
	struct libvirt_xattr r = {
		.uid = e->old_uid, .gid = e->old_gid, .refs = 1, .time = boot_time(error)};

	if (r.time < 0)
		return false;
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
	return error_set_errno(error, "cannot write the attributes trusted.libvirt.security.*dac");
}

/* In errno's words; false. Which file systems do so, carry_out.c says. */
static bool cannot_change(struct entry *e, char **error)
{
	e->refused = e->type == 'f' && (errno == EPERM || errno == EROFS || errno == EOPNOTSUPP);
	return error_set_errno(error, "cannot change its owner");
}

bool owner_take(struct entry *e, int fd, struct lockwait *waits, char **error)
{
	struct stat st;

	if (e->type != 'f') {
		if (fstat(fd, &st) < 0)
			return error_set_errno(error, "cannot examine it");
		if (st.st_uid != e->old_uid || st.st_gid != e->old_gid) {
			*error = xstrdup("its owner changed meanwhile; try again");
			return false;
		}
		e->changed = true;
		return fchownat(fd, "", e->new_uid, e->new_gid, AT_EMPTY_PATH) == 0 ||
		       error_set_errno(error, "cannot change its owner");
	}
	cleanup_fd int file = -1;
	enum metalock lock = metalock_take(fd, false, &file);
	if (lock == METALOCK_BUSY || lock == METALOCK_LEASED) {
		e->busy = lockwait_add(waits, fd, e->path, false, error);
		return false;
	}
	if (lock != METALOCK_TAKEN)
		return error_set_errno(error, "cannot open and lock it");
	if (fstat(file, &st) < 0)
		return error_set_errno(error, "cannot examine it");
	if (!is_as_planned(e, file, &st, error))
		return false;
	/* One more holder is all or nothing; three new attributes can be a part of that. */
	e->changed = e->refs_before == 0;
	if (e->attributes && !remember_owner(e, file, error))
		return false;
	if (!e->attributes && e->is_void && libvirt_xattr_remove(file) < 0)
		return error_set_errno(
			error, "cannot remove the attributes trusted.libvirt.security.*dac");
	e->changed = true;
	if (!is_target(e, &st) && fchown(file, e->new_uid, e->new_gid) < 0)
		return cannot_change(e, error);
	/* There are file systems that say yes and do nothing. */
	if (fstat(file, &st) < 0)
		return error_set_errno(error, "cannot examine it");
	if (!is_target(e, &st)) {
		e->refused = true;
		return error_set(error, "its file system ignores changes of the owner");
	}
	return true;
}
