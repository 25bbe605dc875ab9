/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/enter.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "isolate/mounts.h"
#include "isolate/namespaces.h"
#include "isolate/root.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

struct claimed {
	const int *fds;
	size_t n;
};

/* The claimed object that a name leads to now; -1: it leads to none. */
static int find_claimed(const struct claimed *claimed, const char *path)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat named, st;

	if (fd < 0 || fstat(fd, &named) < 0)
		return -1;
	for (size_t i = 0; i < claimed->n; i++)
		if (claimed->fds[i] >= 0 && fstat(claimed->fds[i], &st) == 0 &&
			st.st_dev == named.st_dev && st.st_ino == named.st_ino)
			return claimed->fds[i];
	return -1;
}

/* A mount of what the path leads to; -1: there is none, or a new message. */
static int clone_path(const struct isolation_path *path, char **error)
{
	struct safepath walk;
	int tree = -1;

	if (!safepath_open(path->path, &walk, error)) {
		if (path->optional && errno == ENOENT) {
			free(*error);
			*error = NULL;
		}
		return -1;
	}
	if (walk.unsafe)
		error_set(error, "%s (%s): %s", path->path, path->source, walk.unsafe);
	else if ((tree = mounts_clone(walk.fd, path->alone)) < 0)
		error_set_errno(error, "cannot clone a mount of %s (%s)", path->path, path->source);
	safepath_close(&walk);
	return tree;
}

/* tree: of paths[i]; -1: none is to be mounted. */
static bool open_path(
	const struct isolation_path *path, const struct claimed *claimed, int *tree, char **error)
{
	*error = NULL;
	if (path->tree >= 0) {
		*tree = fcntl(path->tree, F_DUPFD_CLOEXEC, 3);
		return *tree >= 0 || error_set_errno(error, "cannot keep %s open", path->path);
	}
	int fd = path->has_id ? find_claimed(claimed, path->path) : -1;
	*tree = fd >= 0 ? mounts_clone(fd, path->alone) : clone_path(path, error);
	if (fd >= 0 && *tree < 0)
		error_set_errno(error, "cannot clone a mount of %s (%s)", path->path, path->source);
	return !*error;
}

static bool open_all(
	const struct isolation *isolation, const struct claimed *claimed, int *trees, char **error)
{
	for (size_t i = 0; i < isolation->n_paths; i++)
		trees[i] = -1;
	for (size_t i = 0; i < isolation->n_paths; i++)
		if (!open_path(&isolation->paths[i], claimed, &trees[i], error))
			return false;
	return true;
}

static bool take_root(
	const struct isolation *isolation, const struct claimed *claimed, char **error)
{
	cleanup_free int *trees = xcalloc(isolation->n_paths + 1, sizeof *trees);
	bool has_root = isolation->layers & ISOLATE_ROOT;

	/* In the host's mount namespace, of which alone a mount can be cloned. */
	bool good = (!has_root || open_all(isolation, claimed, trees, error)) &&
		    namespaces_unshare(isolation, error) &&
		    (!has_root || root_take(isolation, trees, error));
	for (size_t i = 0; has_root && i < isolation->n_paths; i++)
		if (trees[i] >= 0)
			close(trees[i]);
	return good;
}

static bool set_limits(const struct isolation *isolation, char **error)
{
	struct rlimit wanted = {isolation->processes, isolation->processes}, now;

	if (!(isolation->layers & ISOLATE_LIMITS))
		return true;
	if (setrlimit(RLIMIT_NPROC, &wanted) < 0 || getrlimit(RLIMIT_NPROC, &now) < 0)
		return error_set_errno(error, "cannot set the limit of processes (RLIMIT_NPROC)");
	if (now.rlim_cur != wanted.rlim_cur || now.rlim_max != wanted.rlim_max)
		return error_set(error,
			"the limit of processes (RLIMIT_NPROC) differs from the one "
			"that was set");
	return true;
}

bool isolate_enter(
	const struct isolation *isolation, const int *claimed, size_t n_claimed, char **error)
{
	const struct claimed objects = {claimed, n_claimed};

	return take_root(isolation, &objects, error) && set_limits(isolation, error);
}
