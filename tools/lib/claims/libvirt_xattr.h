/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owner of a file as libvirt remembers it: extended attributes of the file
 * (src/security/security_util.c of libvirt), under libvirt's own lock (metalock.h).
 * Only CAP_SYS_ADMIN reads and writes attributes of the class trusted (xattr(7)).
 *
 *   trusted.libvirt.security.dac            "+UID:+GID"  the owner before the first holder
 *   trusted.libvirt.security.ref_dac        "N"          holders, at least 1
 *   trusted.libvirt.security.timestamp_dac  "SECONDS"    the boot that it counts in
 */
#pragma once

#include "claims/xattr_names.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum libvirt_xattr_state {
	LIBVIRT_XATTR_NONE,
	LIBVIRT_XATTR_PARTIAL, /* some of the three: the rest of an interrupted call */
	LIBVIRT_XATTR_CURRENT, /* of this boot: somebody holds the file */
	LIBVIRT_XATTR_STALE,   /* of an earlier one: the owner is the true one, the count is void */
	LIBVIRT_XATTR_UNSUPPORTED, /* no such attributes here */
	LIBVIRT_XATTR_MALFORMED,   /* or they could not be read, or not which boot is theirs */
};

struct libvirt_xattr {
	enum libvirt_xattr_state state;
	uid_t uid; /* with PARTIAL: (uid_t)-1 if there is no owner */
	gid_t gid;
	unsigned refs;
	long long time;
};

/*
 * Whether attributes count on the file system of fd (O_PATH will do): not on one
 * that other hosts share, whose boots are not this one's, and not on a removable
 * one, where a stranger can have written them. Returns 1 or 0; -1 and errno if it can't be
 * told.
 */
int libvirt_xattr_counts(int fd, const struct stat *st);

/*
 * Reads them; fd may be O_PATH. Never fails: what can't be read is UNSUPPORTED or MALFORMED, and
 * errno says why.
 */
void libvirt_xattr_read(int fd, struct libvirt_xattr *remembered);

/* The same of what has that status, and attributes of these names. */
void libvirt_xattr_read_named(int fd, const struct stat *st, const struct xattr_names *names,
	struct libvirt_xattr *remembered);

/* All three of the file; -1 and errno on failure. fd may be O_PATH in each of these. */
int libvirt_xattr_write(int fd, const struct libvirt_xattr *remembered);
/* The count alone. */
int libvirt_xattr_write_refs(int fd, unsigned refs);
/* The owner alone. */
int libvirt_xattr_write_owner(int fd, uid_t uid, gid_t gid);
/* Takes away all that there is of them. */
int libvirt_xattr_remove(int fd);
