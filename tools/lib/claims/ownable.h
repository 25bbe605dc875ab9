/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the owner of an object can change of it beside its content and mode, and could so
 * keep a hold of it by when he is no longer the owner:
 *
 *   - the access ACL, and the default ACL of a directory: only the owner, or CAP_FOWNER,
 *     sets them (set_posix_acl() in Linux' fs/posix_acl.c);
 *   - inode flags, the project id and hints of extent sizes: FS_IOC_SETFLAGS and
 *     FS_IOC_FSSETXATTR, for the owner or CAP_FOWNER too (vfs_fileattr_set());
 *   - attributes of the class user, which whoever may write the file can set (xattr(7)).
 *     Any of them can mean something to a privileged program: an owner and mode
 *     (user.virtfs.* of QEMU's 9p, user.rsync.%stat of rsync --fake-super,
 *     user.containers.override_stat of fuse-overlayfs), where a file's content is
 *     (user.overlay.* of overlayfs), flags and access lists (user.DOSATTRIB and others of Samba).
 *     So all of them count, whatever their name.
 *
 * Not among it: attributes of the classes trusted and security, which need a capability or
 * the consent of a security module; what a server keeps (NFSv4 and CIFS access lists); and
 * flags that need CAP_LINUX_IMMUTABLE. Flags that a file system sets by itself are not
 * compared.
 *
 * Private to claims/.
 */
#pragma once

#include "claims/ownable_record.h"
#include "claims/xattr_names.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* As much as the attributes of an object may have, names and values together. */
#define OWNABLE_MAX_ATTRIBUTES ((size_t)64 * 1024)

/* What it is read from, or put back to. */
struct ownable_object {
	int fd;
	bool is_open; /* for reading; else O_PATH */
	char type;    /* as in a journal's entry */
	mode_t mode;  /* what stat(2) says */
};

/*
 * The object of fd (O_PATH), open for reading; a file or directory alone, since others would be
 * opened as what they are. -1: it can't be; *leased: since somebody has a lease on it.
 */
int ownable_open(int fd, char type, bool *leased);

/*
 * Fills *out, which is zeroed; names: of the object's attributes. What the file system does not
 * have is left out, and so are the flags of what is not open. false: it can't be read, or is too
 * much; *error is new.
 */
bool ownable_read(const struct ownable_object *object, const struct xattr_names *names,
	struct ownable *out, char **error);

/*
 * Makes the object as it was, whose owner is already another one. acl: the access ACL that is
 * wanted, which is that of *wanted but for what was granted or taken back meanwhile; NULL:
 * leave it. *said is added to, where something differed. false: something could not be
 * done that another try can, and all the rest was; *error is new. *is_closed: that was the access
 * ACL, so nobody but the owner has access until then; before, whether an earlier try left it so.
 */
bool ownable_restore(const struct ownable *wanted, const char *acl,
	const struct ownable_object *object, char **said, bool *is_closed, char **error);

/* The permission bits of a mode whose group bits are those that the ACL shows there. */
mode_t ownable_mode(mode_t mode, const char *acl);

/* Adds a sentence to a list of them, new or NULL. Takes the sentence. */
void ownable_say(char **said, char *sentence);
