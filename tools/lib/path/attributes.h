/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of inodes (chattr(1)) for which even root cannot change an object. */
#pragma once

/*
 * Why the object of the descriptor, which may be an O_PATH one, cannot get another owner, or, of a
 * directory, another entry: "PATH is immutable; chattr -i PATH", new. NULL: no attribute forbids
 * it, or the file system has none. help: see base/help.h.
 */
char *attributes_why_fixed(int fd, const char *path, char **help);
