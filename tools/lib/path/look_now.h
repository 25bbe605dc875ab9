/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The looks themselves, of what may wait: for where nobody is asked, and for children (look.h).
 * Private to path/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* statx(2) with AT_STATX_DONT_SYNC and these flags, of all that object.h has. False and errno. */
bool look_now_statx(int directory, const char *path, int flags, struct statx *stx);
/* The same, as stat(2) tells it. */
bool look_now_stat(int directory, const char *path, int flags, struct stat *st);

/* openat2(2) with O_PATH, these flags and RESOLVE_*: a new descriptor; -1 and errno. */
int look_now_open(int directory, const char *path, int flags, unsigned resolve);

/* getxattr(2) of what a descriptor, O_PATH too, is of. -1 and errno. */
ssize_t look_now_xattr(int fd, const char *name, void *value, size_t size);
