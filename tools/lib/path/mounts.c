/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/mounts.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/fstype.h"
#include "path/mountinfo.h"

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

static bool is_plain(const char *path)
{
	return !strstr(path, "//") && !strstr(path, "/.");
}

/* The same where there are "..", "." or empty names in it: one of its beginnings is the point. */
static bool meets(const char *path, const char *point)
{
	char at[PATH_MAX] = "";
	size_t length = 0;

	if (strlen(path) >= sizeof at)
		return true;
	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");
		if (n == 2 && strncmp(path, "..", 2) == 0) {
			while (length > 0 && at[--length] != '/')
				;
		} else if (n != 1 || *path != '.') {
			at[length] = '/';
			memcpy(at + length + 1, path, n);
			length += n + 1;
		}
		at[length] = '\0';
		path += n;
		if (strcmp(at, point) == 0)
			return true;
	}
	return false;
}

static bool is_on_way(const char *path, bool plain, const char *point)
{
	size_t length = strlen(point);

	if (length == 1)
		return true;
	if (!plain)
		return meets(path, point);
	return strncmp(path, point, length) == 0 && (path[length] == '/' || !path[length]);
}

const struct proc_mount *mounts_on_way(const char *path)
{
	const struct mounts *mounts = mounts_now();
	bool plain = is_plain(path);

	for (size_t i = 0; i < mounts->n; i++)
		if (is_on_way(path, plain, mounts->all[i].point) &&
			fstype_may_hang(mounts->all[i].type))
			return &mounts->all[i];
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
	return openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}
