/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/mounts.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/fstype.h"
#include "path/mountinfo.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct mounts now;
static unsigned now_is_of; /* the reading */

/* What was read before stays: callers hold mounts of it. They seldom change in a run. */
struct earlier {
	struct mounts mounts;
	struct earlier *before;
};
static struct earlier *earlier;

static void set_aside(void)
{
	struct earlier *e = xcalloc(1, sizeof *e);

	*e = (struct earlier){now, earlier};
	earlier = e;
	now = (struct mounts){0};
}

const struct mounts *mounts_now(void)
{
	struct proc_mount mount;
	unsigned reading;
	const char *p = mountinfo_text(&reading);

	if (now_is_of == reading)
		return &now;
	now_is_of = reading;
	if (now.all)
		set_aside();
	while (p && proc_mountinfo_next(&p, &mount)) {
		ARRAY_GROW(now.all, now.n);
		now.all[now.n++] = mount;
	}
	return &now;
}

const struct proc_mount *mounts_by_statx(const struct statx *stx)
{
	const struct mounts *mounts = mounts_now();

	for (size_t i = 0; i < mounts->n; i++)
		if ((stx->stx_mask & STATX_MNT_ID) && mounts->all[i].id == stx->stx_mnt_id)
			return &mounts->all[i];
	return NULL;
}

const struct proc_mount *mounts_of(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID,
		    &stx) < 0)
		return NULL;
	return mounts_by_statx(&stx);
}

bool mounts_is_ownerless(int fd)
{
	const struct proc_mount *mount = mounts_of(fd);

	return mount && fstype_is_ownerless(mount->type);
}

const struct proc_mount *mounts_on_way(const char *path)
{
	const struct mounts *mounts = mounts_now();

	for (size_t i = 0; i < mounts->n; i++) {
		const char *point = mounts->all[i].point;
		size_t length = strlen(point);
		bool is_root = length == 1;
		bool is_below = is_root || (strncmp(path, point, length) == 0 &&
						   (path[length] == '/' || !path[length]));
		if (is_below && fstype_may_hang(mounts->all[i].type))
			return &mounts->all[i];
	}
	return NULL;
}

int mounts_open_directory(int fd, const struct stat *st)
{
	char path[PATH_MAX];
	struct stat its;
	ssize_t n = readlink(IO_FD_PATH(fd), path, sizeof path - 1);

	if (n < 0)
		return -1;
	path[n] = '\0';
	char *slash = strrchr(path, '/');
	/* Of what was opened by its handle, the kernel may know no name. */
	if (path[0] != '/' || !slash || mounts_on_way(path)) {
		errno = ENOENT;
		return -1;
	}
	slash[slash == path ? 1 : 0] = '\0';
	/* Whoever can move it leads elsewhere, but not to another file system unseen. */
	cleanup_fd int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -1;
	if (fstat(dir, &its) < 0 || its.st_dev != st->st_dev) {
		errno = EXDEV;
		return -1;
	}
	return safepath_reopen(dir, O_RDONLY | O_DIRECTORY);
}
