/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel knows of who has a file open, without a look at any process. Private to path/. */
#pragma once

#include <stdbool.h>

/*
 * Whether nobody at all has the regular file open that the descriptor (O_PATH) is of: not by a
 * descriptor of another process, nor by one that is on its way over a socket, by a mapping, or as a
 * loop device's, nor by another one of this process. The kernel grants a write lease only then
 * (fcntl(2), F_SETLEASE; fs/locks.c, check_conflicting_open()). Descriptors with O_PATH, or with
 * O_ACCMODE (open(2)), do not count: nothing can be read or written by them. It must be on a local
 * file system (look.h): what is mapped of an overlay is a file of its layers. false: somebody may
 * have it open, or it can't be told (leases are switched off, its file system has none, CAP_LEASE
 * is missing).
 *
 * The lease ends at once; who opens the file in that moment waits for that, or, with O_NONBLOCK, is
 * told EWOULDBLOCK.
 */
bool lease_is_granted(int fd);
