/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "given_fds.h"

#include "cleanup.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

static int *given;
static size_t n_given;

void given_fds_note(void)
{
	cleanup_dir DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;

	if (!dir)
		die_errno("can't list the descriptors that are open: is /proc mounted?");
	while (errno = 0, (d = readdir(dir)) != NULL) {
		int fd = atoi(d->d_name);
		if (d->d_name[0] == '.' || fd == dirfd(dir))
			continue;
		given = xreallocarray(given, n_given + 1, sizeof *given);
		given[n_given++] = fd;
	}
	if (errno)
		die_errno("can't list the descriptors that are open");
}

bool given_fds_has(int fd)
{
	for (size_t i = 0; i < n_given; i++)
		if (given[i] == fd)
			return true;
	return false;
}
