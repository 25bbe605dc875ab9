/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX ACLs (acl(5)) as the kernel gives them: the value of an extended attribute, read
 * without libacl, which would cost the shim its start.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define POSIX_ACL_ACCESS "system.posix_acl_access"
#define POSIX_ACL_DEFAULT "system.posix_acl_default"

/* tag: ACL_USER_OBJ and so on of <sys/acl.h>; rights: R_OK, W_OK, X_OK, before the mask. */
struct posix_acl_entry {
	unsigned tag, rights;
	uint32_t id; /* of ACL_USER and ACL_GROUP */
};

/*
 * Takes one entry from an ACL in the form of the attribute (linux/posix_acl_xattr.h in the
 * kernel), beginning with *at = 0. Returns 1 and *entry; 0 at the end; -1 if it is malformed.
 * Pure.
 */
int posix_acl_next(const void *acl, size_t length, size_t *at, struct posix_acl_entry *entry);

/* What the mask of such an ACL lets through; everything where it has none. Pure. */
unsigned posix_acl_mask(const void *acl, size_t length);

/*
 * Reads an attribute of the object of fd, which may be O_PATH (then through /proc/self/fd, as
 * fgetxattr(2) refuses it). Returns its length and a new *value; -1 and errno: ENODATA where
 * there is none, ENOTSUP where the file system has none of the kind. What a file system is
 * not able to have is asked for once per device and attribute: device is st_dev of the object.
 */
ssize_t posix_acl_read(int fd, dev_t device, const char *attribute, char **value);

/*
 * Whether the ACL of an object of that mode, if it has one, gives nobody anything: the group's
 * bits are those of its mask, and where none is set the kernel doesn't look at it (fs/namei.c,
 * acl_permission_check()). False as well where it is not known yet, by posix_acl_read(), that the
 * device's file system has POSIX ACLs: others can give more than the mode shows.
 */
bool posix_acl_gives_nothing(dev_t device, mode_t mode);
