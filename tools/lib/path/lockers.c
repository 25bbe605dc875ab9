/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/lockers.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "path/fd_tables.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * The kernel prints the device of the superblock, of which stat(2) shows another one where a
 * file system makes up one for each subvolume (btrfs), all with the major number 0.
 */
static bool is_device(const struct stat *st, unsigned a, unsigned b)
{
	return (a == major(st->st_dev) && b == minor(st->st_dev)) ||
	       (a == 0 && major(st->st_dev) == 0);
}

/* "lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:131 1 1", see lock_get_status() in fs/locks.c. */
static bool is_line_of(const char *line, const struct stat *st, enum lockers_kind wanted)
{
	char kind[16], last[32];
	unsigned a, b;
	unsigned long long inode, first;

	if (sscanf(line, "lock:\t%*u: %15s %*s %*s %*d %x:%x:%llu %llu %31s", kind, &a, &b, &inode,
		    &first, last) != 6 ||
		inode != st->st_ino || !is_device(st, a, b))
		return false;
	if (wanted == LOCKERS_LEASE || wanted == LOCKERS_FLOCK)
		return strcmp(kind, wanted == LOCKERS_LEASE ? "LEASE" : "FLOCK") == 0;
	if (strcmp(kind, "OFDLCK") != 0 && strcmp(kind, "POSIX") != 0)
		return false;
	if (wanted == LOCKERS_IMAGE)
		return first >= 100 && first < 300;
	return first <= 1 && (strcmp(last, "EOF") == 0 || strtoull(last, NULL, 10) >= 1);
}

static bool has_lock(int fdinfo, const char *name, const struct stat *st, enum lockers_kind wanted)
{
	char text[4096];

	if (io_read_short(fdinfo, name, text, sizeof text) <= 0)
		return false;
	for (const char *line = strstr(text, "lock:\t"); line; line = strstr(line + 1, "lock:\t"))
		if (is_line_of(line, st, wanted))
			return true;
	return false;
}

struct search {
	const struct stat *object;
	enum lockers_kind wanted;
	bool found;
};

static bool search_table(void *context, int thread)
{
	struct search *s = context;
	int fd = openat(thread, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	while (dir && !s->found && (d = readdir(dir)) != NULL)
		s->found = d->d_name[0] != '.' && has_lock(fd, d->d_name, s->object, s->wanted);
	return !s->found;
}

static bool is_holder(int proc, const char *pid, const struct stat *st, enum lockers_kind wanted)
{
	struct search s = {.object = st, .wanted = wanted};
	cleanup_fd int process = openat(proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return process >= 0 && fd_tables_each(process, atoi(pid), NULL, search_table, &s) &&
	       s.found;
}

static bool is_roots(int proc, const char *pid)
{
	struct stat st;

	return fstatat(proc, pid, &st, 0) == 0 && st.st_uid == 0;
}

char *lockers_name(const struct stat *st, enum lockers_kind wanted, pid_t *pid)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = proc < 0 ? NULL : fdopendir(proc);
	struct dirent *d;

	cleanup_free char *roots = NULL;
	bool has_ended = false;

	*pid = 0;
	while (dir && (d = readdir(dir)) != NULL) {
		char *end;
		long number = strtol(d->d_name, &end, 10);
		if (*end || number <= 0 || number > INT_MAX || number == getpid() ||
			!is_holder(proc, d->d_name, st, wanted))
			continue;
		if (wanted == LOCKERS_IMAGE && process_is_assumed_ended((pid_t)number)) {
			has_ended = true;
			continue;
		}
		if (is_roots(proc, d->d_name)) {
			if (!roots)
				roots = process_describe(d->d_name);
			continue;
		}
		*pid = (pid_t)number;
		return process_describe(d->d_name);
	}
	if (roots)
		return steal_pointer(&roots);
	return has_ended ? NULL : xstrdup("a process that is not visible in /proc");
}
