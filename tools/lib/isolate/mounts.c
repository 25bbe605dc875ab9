/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/mounts.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int mounts_make(const char *type, const struct mount_option *options, uint64_t attributes)
{
	cleanup_fd int context = fsopen(type, FSOPEN_CLOEXEC);

	if (context < 0)
		return -1;
	for (; options->key; options++)
		if (fsconfig(context, FSCONFIG_SET_STRING, options->key, options->value, 0) < 0)
			return -1;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	return fsmount(context, FSMOUNT_CLOEXEC, (unsigned)attributes);
}

int mounts_clone(int fd, bool alone)
{
	return open_tree(fd, "",
		(alone ? 0U : (unsigned)AT_RECURSIVE) | AT_EMPTY_PATH | OPEN_TREE_CLONE |
			OPEN_TREE_CLOEXEC);
}

bool mounts_restrict(int tree, uint64_t attributes)
{
	struct mount_attr attr = {.attr_set = attributes, .propagation = MS_PRIVATE};

	return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) == 0;
}

bool mounts_attach(int tree, int place)
{
	return move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) ==
	       0;
}

/* A root directory, and what else the names in it are resolved by (RESOLVE_...). */
struct place_in {
	int root;
	unsigned more;
};

static int open_in(struct place_in in, const char *path, int flags)
{
	return io_openat2(
		in.root, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | in.more);
}

/* Whether the directory lies on a file system that was made for the VM; else errno says why not. */
static bool is_own(struct place_in in, int dir)
{
	static const char *const own[] = {"/", "/dev", "/dev/shm", "/tmp"};
	struct stat st, other;

	if (fstat(dir, &st) < 0)
		return false;
	for (size_t i = 0; i < N_ELEMENTS(own); i++) {
		cleanup_fd int fd = open_in(in, own[i], O_DIRECTORY);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || fstat(fd, &other) < 0)
			return false;
		if (other.st_dev == st.st_dev)
			return true;
	}
	errno = EROFS;
	return false;
}

/* Makes the last component of the path. */
static bool make(struct place_in in, const char *path, bool is_directory)
{
	cleanup_free char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	const char *name = slash ? slash + 1 : parent;
	cleanup_free char *last = xstrdup(name);

	if (slash)
		*slash = '\0';
	cleanup_fd int dir = open_in(in, slash && *parent ? parent : "/", O_DIRECTORY);
	if (dir < 0 || !is_own(in, dir))
		return false;
	return is_directory ? mkdirat(dir, last, 0755) == 0
			    : mknodat(dir, last, S_IFREG | 0444, 0) == 0;
}

/* All directories on the way. */
static bool make_parents(struct place_in in, const char *path)
{
	cleanup_free char *copy = xstrdup(path);

	for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		cleanup_fd int fd = open_in(in, copy, O_DIRECTORY);
		if (fd < 0 && (errno != ENOENT || !make(in, copy, true)))
			return false;
		*slash = '/';
	}
	return true;
}

static int find_place(struct place_in in, const char *path, bool is_directory)
{
	int flags = is_directory ? O_DIRECTORY : O_NOFOLLOW;

	if (!make_parents(in, path))
		return -1;
	int fd = open_in(in, path, flags);
	if (fd < 0 && errno == ENOENT && make(in, path, is_directory))
		fd = open_in(in, path, flags);
	return fd;
}

int mounts_place(int root, const char *path, bool is_directory)
{
	return find_place((struct place_in){root, 0}, path, is_directory);
}

int mounts_place_beneath(int root, const char *path, bool is_directory)
{
	return find_place((struct place_in){root, RESOLVE_NO_SYMLINKS}, path, is_directory);
}
