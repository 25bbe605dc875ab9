/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be told of a file system by its type (proc_filesystems(5), the type in mountinfo)
 * before it is asked anything: who answers for its objects. Private to path/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether objects of this type can be named again by a descriptor, and looked at by statx(2) with
 * AT_STATX_DONT_SYNC, from what this kernel remembers. Not of types that are not known here.
 */
bool fstype_is_cached(const char *type, size_t length);

/* Of these: whether the rest is this kernel's own matter too, and no server's or other layer's. */
bool fstype_is_own(const char *type, size_t length);

/*
 * Whether a file system of this type asks somebody else, a server or a process, who may never
 * answer: those of the network, of clusters and of FUSE, and autofs, which mounts them.
 */
bool fstype_may_hang(const char *type);

/*
 * Whether a file system of this type has no owners and modes of its own, but those of mount
 * options (uid=): of Windows, mostly. What of chown(2) is refused there, or does nothing.
 */
bool fstype_is_ownerless(const char *type);
