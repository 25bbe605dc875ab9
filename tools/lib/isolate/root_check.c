/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/root_check.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#define MAX_TEXT ((size_t)16 * 1024 * 1024)

void root_mounts_add(struct root_mounts *mounts, const char *path, uint64_t attributes)
{
	ARRAY_GROW(mounts->all, mounts->n);
	mounts->all[mounts->n++] =
		(struct root_mount){.path = xstrdup(path), .attributes = attributes};
}

void root_mounts_free(struct root_mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->all[i].path);
	free(mounts->all);
	*mounts = (struct root_mounts){0};
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strcmp(top, "/") != 0 && strncmp(path, top, n) == 0 && path[n] == '/';
}

bool root_mounts_has(const struct root_mounts *mounts, const char *path)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (strcmp(mounts->all[i].path, path) == 0 || is_below(mounts->all[i].path, path))
			return true;
	return false;
}

/* What is mounted there; or, that being none of its own, what it lies in. */
static struct root_mount *find(struct root_mounts *mounts, const char *point)
{
	struct root_mount *above = NULL;

	for (size_t i = 0; i < mounts->n; i++) {
		struct root_mount *mount = &mounts->all[i];
		if (strcmp(mount->path, point) == 0 && !mount->was_seen)
			return mount;
		if (is_below(point, mount->path))
			above = mount;
	}
	return above;
}

static bool has_attributes(const char *point, uint64_t attributes, char **error)
{
	static const struct {
		uint64_t attribute;
		unsigned long flag;
		const char *name;
	} names[] = {
		{MOUNT_ATTR_RDONLY, ST_RDONLY, "read-only"},
		{MOUNT_ATTR_NOSUID, ST_NOSUID, "nosuid"},
		{MOUNT_ATTR_NODEV, ST_NODEV, "nodev"},
		{MOUNT_ATTR_NOEXEC, ST_NOEXEC, "noexec"},
	};
	struct statvfs fs;

	if (statvfs(point, &fs) < 0)
		return error_set_errno(
			error, "cannot examine the mount %s of the VM's root directory", point);
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if ((attributes & names[i].attribute) && !(fs.f_flag & names[i].flag))
			return error_set(error, "the mount %s of the VM's root directory is not %s",
				point, names[i].name);
	return true;
}

static bool check(struct root_mounts *mounts, const char *text, bool asks, char **error)
{
	struct proc_mount mount;

	while (proc_mountinfo_next(&text, &mount)) {
		struct root_mount *ours = find(mounts, mount.point);
		bool good = ours != NULL;
		if (!good)
			error_set(error,
				"%s is mounted in the VM's root directory, and was not asked for",
				mount.point);
		else if (strcmp(ours->path, mount.point) == 0)
			ours->was_seen = true;
		good = good && (!asks || has_attributes(mount.point, ours->attributes, error));
		proc_mount_free(&mount);
		if (!good)
			return false;
	}
	for (size_t i = 0; i < mounts->n; i++)
		if (!mounts->all[i].was_seen)
			return error_set(error, "%s is not mounted in the VM's root directory",
				mounts->all[i].path);
	return true;
}

bool root_check_text(struct root_mounts *mounts, const char *text, char **error)
{
	return check(mounts, text, false, error);
}

bool root_check(struct root_mounts *mounts, char **error)
{
	cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/mountinfo", MAX_TEXT, NULL);

	if (!text)
		return error_set_errno(error, "cannot read /proc/self/mountinfo");
	return check(mounts, text, true, error);
}
