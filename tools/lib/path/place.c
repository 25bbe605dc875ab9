/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/place.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/absolute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static bool is_roots_way(const struct safepath *walk)
{
	for (size_t i = 0; i < walk->n_dirs; i++)
		if (!trust_allows(TRUST_STEERS, &walk->dirs[i]->writers, 0, NULL))
			return false;
	return walk->link_owner == 0;
}

/* The directory in which an existing object lies, by what the walk came through last. */
static bool take_directory(
	struct place *place, int fd, const char *path, const struct stat *st, char **error)
{
	place->dir = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	place->dir_path = xstrdup(path);
	place->dir_st = *st;
	if (place->dir < 0)
		*error = xasprintf("cannot keep the directory %s open: %s", path, strerror(errno));
	return place->dir >= 0;
}

/* The directory of the last component, and its name. */
static bool find_directory(struct place *place, char **error)
{
	const char *slash = strrchr(place->path, '/');
	cleanup_free char *parent = slash == place->path
					    ? xstrdup("/")
					    : xstrndup(place->path, (size_t)(slash - place->path));

	place->name = xstrdup(slash + 1);
	if (!*place->name || strcmp(place->name, ".") == 0 || strcmp(place->name, "..") == 0) {
		*error = xasprintf("cannot reach %s: %s", place->path, strerror(ENOENT));
		return false;
	}
	if (!safepath_open(parent, &place->walk, error))
		return false;
	if (!S_ISDIR(place->walk.st.st_mode)) {
		*error = xasprintf("cannot reach %s: %s", place->path, strerror(ENOTDIR));
		return false;
	}
	const struct safepath *walk = &place->walk;
	struct trust_facts facts = trust_read(walk->fd, &walk->st);
	place->is_roots = is_roots_way(walk) && trust_allows(TRUST_STEERS, &facts, 0, NULL);
	trust_free(&facts);
	return take_directory(place, walk->fd, walk->path, &walk->st, error);
}

static bool find_missing(struct place *place, char **error)
{
	struct stat st;

	if (!find_directory(place, error))
		return false;
	if (fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		*error = xasprintf("%s is a dangling symbolic link", place->path);
		return false;
	}
	return true;
}

static bool begin(struct place *place, const char *path, char **error)
{
	*place = (struct place){.path = absolute_path(path, error), .dir = -1, .walk = {.fd = -1}};
	return place->path;
}

bool place_find(const char *path, struct place *place, char **error)
{
	if (!begin(place, path, error))
		return false;
	if (safepath_open(place->path, &place->walk, error)) {
		const char *slash = strrchr(place->walk.path, '/');
		place->exists = true;
		place->name = xstrdup(slash ? slash + 1 : "");
		place->is_roots = is_roots_way(&place->walk);
		const struct safepath_dir *dir = place->walk.dirs[place->walk.n_dirs - 1];
		return take_directory(place, dir->fd, dir->path, &dir->st, error);
	}
	if (errno != ENOENT)
		return false;
	free(*error);
	*error = NULL;
	return find_missing(place, error);
}

bool place_find_link(const char *path, const char *prefix, struct place *place)
{
	cleanup_free char *error = NULL;
	char target[PATH_MAX];
	struct stat st;

	ssize_t n = begin(place, path, &error) && find_directory(place, &error)
			    ? readlinkat(place->dir, place->name, target, sizeof target - 1)
			    : -1;
	if (n >= 0)
		target[n] = '\0';
	if (n > 0 && strncmp(target, prefix, strlen(prefix)) == 0 &&
		fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISLNK(st.st_mode) && st.st_uid == 0)
		return true;
	place_close(place);
	return false;
}

void place_close(struct place *place)
{
	if (place->dir >= 0)
		close(place->dir);
	safepath_close(&place->walk);
	free(place->path);
	free(place->dir_path);
	free(place->name);
	*place = (struct place){.dir = -1, .walk = {.fd = -1}};
}
