/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Looks at objects of other people's file systems that don't wait for them.
 *
 * What can be told from the kernel's own memory is told from there: a path by openat2(2) with
 * RESOLVE_CACHED, an object in hand by statx(2) with AT_STATX_DONT_SYNC, the kind of its file
 * system by its mount's line in mountinfo, which no file system is asked for. The rest is
 * asked in a child (attempt.h), and its errno is ATTEMPT_SILENT where no answer came.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Whether this kernel knows a file system whose objects may have to be asked for even to be
 * named again by a descriptor: d_weak_revalidate() of NFS and 9p, getattr() of those that
 * ignore AT_STATX_DONT_SYNC. Where it does, all looks are made in children.
 */
bool look_may_wait(void);

/*
 * stat(2) of a name below a directory, which is of /proc (a link there leads to the object
 * itself). False and errno.
 */
bool look_stat_link(int directory, const char *link, struct stat *st);

/* The same with all that statx(2) tells, the number of its mount too where the kernel does. */
bool look_statx_link(int directory, const char *link, struct statx *stx);

/* open(2) with O_PATH, of a path below directory: a new descriptor; -1 and errno. flags:
 * O_NOFOLLOW, O_DIRECTORY. */
int look_open(int directory, const char *path, int flags);

/* The same of a link of /proc, to the object itself, which no cached walk can come to. */
int look_open_link(int directory, const char *link);

/*
 * The same, if nobody has to be asked for it: what the kernel knows, or finds on a disk of its
 * own. Else -1 and EAGAIN.
 */
int look_cached(int directory, const char *path, int flags);

/*
 * The same of an absolute path, if all that a walk along it comes through, where its symbolic links
 * lead to as well, is local, too: else the kernel can know the way, and wait when it is asked what
 * is on it.
 */
int look_local(const char *path);

/*
 * The same, if the kernel knows the whole of it and there is no symbolic link in it; else -1, which
 * tells nothing.
 */
int look_known(const char *path);

/*
 * For a child, which may wait: the object at the end of an absolute path as look_open(), of which,
 * and of all that the walk comes through, its file system was asked what it is.
 */
int look_all_along(const char *path);

/*
 * The device of the mount that a path seems to lie on, by its text alone, if somebody serves
 * that; 0: a local file system, the root, or not known.
 */
dev_t look_device(const char *path);

/* stat(2) of what a descriptor is of, as far as the kernel knows without asking. */
bool look_stat_fd(int fd, struct stat *st);

/* The same with all that object.h has. */
bool look_statx_fd(int fd, struct statx *stx);

/* What stat(2) tells, of what statx(2) has told. */
void look_stat_of(const struct statx *stx, struct stat *st);

/* Both: a path's object. */
bool look_stat(int directory, const char *path, int flags, struct stat *st);

/*
 * Whether the object of the descriptor is on a file system that is this kernel's own matter:
 * no server, no overlay. mountinfo: of the process that it was reached through, a descriptor
 * of its directory of /proc; -1: of this one. What can't be told is not local.
 */
bool look_is_local(int fd, int process);

/*
 * Whether it is on a FUSE mount, 1 or 0; *user is whose: who answers there says what he likes.
 * -1: its mount is not in the list.
 */
int look_is_fuse(int fd, int process, uid_t *user);

/* getxattr(2) of what a descriptor is of, O_PATH too. process: as above. */
ssize_t look_getxattr(int fd, int process, const char *name, void *value, size_t size);

/* What is looked at among others, and what came of it. */
#define LOOK_MAX_ACL 4096
struct look_wanted {
	const char *path;
	int flags;  /* AT_SYMLINK_NOFOLLOW */
	int number; /* of errno; 0: st is told */
	struct stat st;
	/* Where it is wanted: the access ACL, new; NULL: acl_number says why. */
	char *acl;
	size_t acl_length;
	int acl_number;
};

/*
 * look_stat() of n paths below directory, and the ACL of those that wants_acl() says so of: all
 * that has to be asked in a child is asked in one.
 */
void look_all(
	int directory, struct look_wanted *all, size_t n, bool (*wants_acl)(const struct stat *st));

/* The same of what a descriptor is of. */
void look_fd(int fd, struct look_wanted *wanted, bool (*wants_acl)(const struct stat *st));

/* The names in a directory, new, each ends with a NUL; NULL and errno. */
char *look_names(int directory, const char *path, size_t *length);
