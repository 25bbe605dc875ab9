/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/mounts.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/fstype.h"
#include "path/mountinfo.h"
#include "path/statmount.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A path takes three system calls, more where its mount is a new one. */
#define MAX_ASKED 16

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

/* What was asked for by its own number. It stays as well. */
struct asked {
	uint64_t id, parent;
	unsigned reading;
	struct proc_mount mount;
};
static struct asked **asked;
static size_t n_asked;

static const struct asked *find_asked(uint64_t id)
{
	for (size_t i = n_asked; i-- > 0;)
		if (asked[i]->id == id)
			return asked[i];
	return NULL;
}

/* As it is now; NULL: it can't be told. */
static const struct asked *ask(uint64_t id)
{
	struct asked a = {.id = id, .reading = mountinfo_reading()};
	const struct asked *before = find_asked(id);

	if (before && before->reading == a.reading)
		return before;
	if (!statmount_ask(id, &a.mount, &a.parent))
		return NULL;
	ARRAY_GROW(asked, n_asked);
	asked[n_asked] = xmalloc(sizeof a);
	*asked[n_asked] = a;
	return asked[n_asked++];
}

static bool find_number(const char *path, uint64_t *id)
{
	struct statx stx;

	if (statx(AT_FDCWD, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_MNT_ID_UNIQUE, &stx) <
			0 ||
		!(stx.stx_mask & STATX_MNT_ID_UNIQUE))
		return false;
	*id = stx.stx_mnt_id;
	return true;
}

unsigned mounts_id_mask(void)
{
	static unsigned mask;
	uint64_t id;

	if (!mask)
		mask = find_number("/", &id) && ask(id) ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID;
	return mask;
}

/* fs/fuse/dir.c, fuse_getattr(): who has no access is told that number alone, if nothing is asked
 * for. */
static bool statx_nothing(int fd, struct statx *stx)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, stx) == 0;
}

bool mounts_statx(int fd, struct statx *stx)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, mounts_id_mask(),
		       stx) == 0 ||
	       statx_nothing(fd, stx);
}

static const struct proc_mount *find_listed(uint64_t id)
{
	const struct mounts *mounts = mounts_now();

	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->all[i].id == id)
			return &mounts->all[i];
	return NULL;
}

/* is_now: where it is mounted counts as well. */
static const struct proc_mount *find(int fd, const struct statx *stx, bool is_now)
{
	struct statx listed;

	if (stx->stx_mask & STATX_MNT_ID)
		return find_listed(stx->stx_mnt_id);
	if (!(stx->stx_mask & STATX_MNT_ID_UNIQUE))
		return NULL;
	const struct asked *a = is_now ? NULL : find_asked(stx->stx_mnt_id);
	if (!a)
		a = ask(stx->stx_mnt_id);
	if (a)
		return &a->mount;
	return statx_nothing(fd, &listed) && listed.stx_mask & STATX_MNT_ID
		       ? find_listed(listed.stx_mnt_id)
		       : NULL;
}

const struct proc_mount *mounts_by_statx(int fd, const struct statx *stx)
{
	return find(fd, stx, false);
}

const struct proc_mount *mounts_of(int fd)
{
	struct statx stx;

	return mounts_statx(fd, &stx) ? find(fd, &stx, true) : NULL;
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

/* Each mount that was walked into is mounted on the one that it was walked into from. */
bool mounts_way_is_local(int fd, const char *path)
{
	const struct asked *a = NULL;
	struct statx stx;
	uint64_t root;

	if (mounts_id_mask() == STATX_MNT_ID_UNIQUE && is_plain(path) && find_number("/", &root) &&
		mounts_statx(fd, &stx) && stx.stx_mask & STATX_MNT_ID_UNIQUE)
		a = ask(stx.stx_mnt_id);
	while (a) {
		if (fstype_may_hang(a->mount.type))
			return false;
		if (a->id == root)
			return true;
		a = a->parent == a->id ? NULL : ask(a->parent);
	}
	/* It is not told, or not so. */
	return !mounts_on_way(path);
}

bool mounts_asks_kernel(void)
{
	static unsigned n_ways;

	return !now.all && n_ways++ < MAX_ASKED && mounts_id_mask() == STATX_MNT_ID_UNIQUE;
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
