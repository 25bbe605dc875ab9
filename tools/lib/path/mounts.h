/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is mounted here, by /proc/self/mountinfo (proc(5)), which the kernel answers without
 * asking any file system: so it tells where a question could have to wait.
 */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct mounts {
	struct proc_mount *all; /* NULL: it can't be read */
	size_t n;
};

/* What is mounted now. It belongs to this module; what is in it stays, also where it is read again.
 */
const struct mounts *mounts_now(void);

/*
 * The mount that the object of the descriptor lies on; NULL: not known. Asks with
 * AT_STATX_DONT_SYNC, which network file systems and FUSE answer from what they know.
 */
const struct proc_mount *mounts_of(int fd);
/* The same, of what statx(2) with STATX_MNT_ID has told. */
const struct proc_mount *mounts_by_statx(const struct statx *stx);

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
