/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted here, by statmount(2) or /proc/self/mountinfo (proc(5)), which the kernel answers
 * without asking any file system: so it tells where a question could have to wait.
 */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000U
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

struct mounts {
	struct proc_mount *all; /* NULL: it can't be read */
	size_t n;
};

/* What is mounted now. It belongs to this module; what is in it stays, also where it is read again.
 */
const struct mounts *mounts_now(void);

/*
 * Which number of a mount statx(2) is asked for: STATX_MNT_ID_UNIQUE, where the kernel tells of a
 * single mount (Linux 6.13), else STATX_MNT_ID. What it has told is one of MOUNTS_ID.
 */
#define MOUNTS_ID (STATX_MNT_ID | STATX_MNT_ID_UNIQUE)
unsigned mounts_id_mask(void);

/*
 * That number, of what the descriptor is of, in *stx, also where its file system tells this process
 * nothing else. Asks with AT_STATX_DONT_SYNC, which network file systems and FUSE answer from what
 * they know. False and errno.
 */
bool mounts_statx(int fd, struct statx *stx);

/* The mount that the object of the descriptor lies on; NULL: not known. */
const struct proc_mount *mounts_of(int fd);
/*
 * The same, where statx(2) has told its number: what it is; where it is mounted, and its options,
 * can be what they were before.
 */
const struct proc_mount *mounts_by_statx(int fd, const struct statx *stx);

/* Whether its file system has owners by mount options alone (fstype.h). Not known is no. */
bool mounts_is_ownerless(int fd);

/*
 * The directory that an object lies in, open for reading; -1 and errno where that is not known, is
 * on another file system (on btrfs, in another subvolume), or is reached by way of one that may not
 * answer. It answers for the file system where the object itself can't be opened: under a
 * lease (fcntl(2)), or since to open a device does something.
 */
int mounts_open_directory(int fd, const struct stat *st);

/*
 * The first mount that may not answer (fstype_may_hang()) and that a walk along the path (absolute)
 * meets; NULL: none.
 */
const struct proc_mount *mounts_on_way(const char *path);

/*
 * Whether a walk along the path (absolute, no symbolic links), at whose end the object of the
 * descriptor was, has met none of those.
 */
bool mounts_way_is_local(int fd, const char *path);

/*
 * Whether to ask the kernel so about one more path costs less than to read what is mounted, as
 * mounts_on_way() does: for the first few.
 */
bool mounts_asks_kernel(void);
