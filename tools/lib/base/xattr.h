/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes (xattr(7)) of what a descriptor is of. One that is O_PATH has none of its own
 * (EBADF): then they are those of its link in /proc.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* As fgetxattr(2), flistxattr(2), fsetxattr(2) without flags, and fremovexattr(2). */
ssize_t xattr_get(int fd, const char *name, void *value, size_t size);
ssize_t xattr_list(int fd, char *names, size_t size);
int xattr_set(int fd, const char *name, const void *value, size_t size);
int xattr_remove(int fd, const char *name);
