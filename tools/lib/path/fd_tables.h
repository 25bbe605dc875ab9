/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All descriptors of a process.
 *
 * /proc/PID/fd has those of the first thread. Others usually share its table, but can have one of
 * their own (CLONE_FILES of unshare(2)), and go on with it when the first thread has ended, which
 * has none then. kcmp(2) tells tables apart, so that one that 2,000 threads share is read once.
 * Without kcmp(2) (CONFIG_KCMP), the table of each thread is read.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* More of a status file than comes before the list of a thousand groups. */
#define FD_TABLES_STATUS 8192

/*
 * Calls back for each table of the process until that returns false. process: a descriptor of
 * /proc/PID; status: the text of its status file, or its beginning; NULL: it is read. thread: a
 * descriptor of a directory in which "fd" and "fdinfo" are that table's. One table can be passed
 * several times. False: not all could be read, as /proc/PID/task could not, or the threads kept
 * ending.
 */
bool fd_tables_each(int process, pid_t pid, const char *status,
	bool (*on_table)(void *context, int thread), void *context);
