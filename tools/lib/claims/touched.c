/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/touched.h"

#include "base/log.h"
#include "path/mounts.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct touched touched_begin(const struct journal *journal)
{
	return (struct touched){.of = xcalloc(journal->n_entries, sizeof(dev_t))};
}

void touched_add(struct touched *touched, size_t entry, int fd, const struct stat *st)
{
	/* To open a device can do something, or fail; and its node is a new one at the next boot.
	 */
	if (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode))
		return;
	touched->of[entry] = st->st_dev;
	for (size_t i = 0; i < touched->n; i++)
		if (touched->all[i].dev == st->st_dev)
			return;
	touched->all = xreallocarray(touched->all, touched->n + 1, sizeof *touched->all);
	int file = safepath_reopen(fd, O_RDONLY | O_NONBLOCK);
	/* A lease on it is one on nothing else. */
	if (file < 0 && errno == EWOULDBLOCK)
		file = mounts_open_directory(fd, st);
	touched->all[touched->n++] = (struct touched_filesystem){st->st_dev, file, errno};
}

bool touched_sync(struct touched *touched, struct journal *journal)
{
	bool good = true;

	for (size_t i = 0; i < touched->n; i++) {
		const struct touched_filesystem *t = &touched->all[i];
		if (t->fd < 0 || syncfs(t->fd) < 0) {
			errno = t->fd < 0 ? t->number : errno;
			warn("cannot sync the file system of device %u:%u: %s", major(t->dev),
				minor(t->dev), strerror(errno));
			good = false;
			for (size_t j = 0; journal && j < journal->n_entries; j++)
				if (touched->of[j] == t->dev)
					journal->entries[j].done = false;
		}
		if (t->fd >= 0)
			close(t->fd);
	}
	free(touched->all);
	free(touched->of);
	return good;
}
