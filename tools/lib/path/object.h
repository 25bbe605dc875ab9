/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of an object, asked once for all that is judged by it. */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <sys/stat.h>

struct object {
	struct statx stx; /* STATX_BASIC_STATS, STATX_BTIME and one of MOUNTS_ID, as far as known */
	/* What it lies on, of mounts_by_statx(), which keeps it; NULL: not known. */
	const struct proc_mount *mount;
};

/*
 * Of what a descriptor (O_PATH will do) is of, as far as the kernel knows without asking
 * (AT_STATX_DONT_SYNC). False and errno.
 */
bool object_of(int fd, struct object *object);

/* The same of what may not answer: in a child, where look.h says so. */
bool object_look(int fd, struct object *object);

/* Whether its file system has owners by mount options alone (fstype.h). Not known is no. */
bool object_is_ownerless(const struct object *object);
