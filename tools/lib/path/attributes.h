/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of inodes (chattr(1)) for which even root cannot change an object. */
#pragma once

#include <sys/stat.h>

/*
 * Why the object that statx(2) has told of cannot get another owner, or, of a directory, another
 * entry: "PATH is immutable; chattr -i PATH", new. NULL: no attribute forbids
 * it, or the file system has none. help: see base/help.h.
 */
char *attributes_why_fixed(const struct statx *stx, const char *path, char **help);
