/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process has a lock or a lease on a file. */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

enum lockers_kind {
	LOCKERS_METADATA, /* a lock on byte 1, a POSIX one or an open file description's */
	LOCKERS_LEASE,	  /* F_SETLEASE of fcntl(2) */
	LOCKERS_FLOCK,	  /* flock(2) */
	LOCKERS_IMAGE,	  /* one of the bytes of image_locks.h */
};

/*
 * Who has such a lock on the file: "process 12 (/usr/bin/program)", or that /proc shows nobody;
 * new. Of several that share the lock, one that is not root's: a descriptor can be passed to any
 * daemon that takes one, and none of those is to be ended. *pid is 0 where there is only
 * root's, or nobody. A QEMU that counts as ended (process.h) has no lock on an image: NULL where
 * there is only that one. What is read are the "lock:" lines of /proc/PID/fdinfo/FD (proc(5)),
 * which /proc/locks has without the process for locks of open file descriptions; no file of another
 * process is opened or looked at.
 */
char *lockers_name(const struct stat *st, enum lockers_kind kind, pid_t *pid);
