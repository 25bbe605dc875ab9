/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reaches what may lie below a file system that does not answer, without waiting for it.
 *
 * What could wait is asked in a child that is given up after REACH_SECONDS. It has none of
 * this process's descriptors, so that it holds none of its locks where it can't be ended.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#define REACH_SECONDS 5

/*
 * Has the answer of ask(arg), which a child gives: a descriptor, which *fd becomes, or -1 and
 * errno. Returns false if there is none in time; errno is ETIMEDOUT then, or what fork(2) and
 * the like say.
 */
bool reach_ask(int (*ask)(const char *arg), const char *arg, int *fd);

/*
 * Opens a path (absolute) O_PATH, as the journal has it, without judging the way: what is found
 * must be known by what it is. Returns -1 and errno; ETIMEDOUT: a file system on the way has
 * not answered in time, and is not asked again by this process. What it answered is known to the
 * kernel then: reach_stat() gives that without another question.
 */
int reach_open(const char *path);

/* As fstat(2), of what the kernel knows already (AT_STATX_DONT_SYNC): type, inode and device alone.
 */
bool reach_stat(int fd, struct stat *st);
