/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/probe.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "path/look.h"
#include "path/look_now.h"
#include "path/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

struct probed {
	char *path;
	bool is_silent;
};

static struct probed *probed; /* sorted by path */
static dev_t *silent_devices;
static size_t n_probed, n_silent, n_silent_devices;

static int by_path(const void *a, const void *b)
{
	const struct probed *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static const struct probed *find(const char *path)
{
	const struct probed key = {.path = (char *)path};

	return n_probed ? bsearch(&key, probed, n_probed, sizeof *probed, by_path) : NULL;
}

static void note(const char *path, bool is_silent)
{
	ARRAY_GROW(probed, n_probed);
	probed[n_probed++] = (struct probed){xstrdup(path), is_silent};
	if (!is_silent)
		return;
	n_silent++;
	dev_t device = look_device(path);
	if (!device)
		return;
	ARRAY_GROW(silent_devices, n_silent_devices);
	silent_devices[n_silent_devices++] = device;
}

bool probe_is_silent(const char *path)
{
	if (n_silent == 0)
		return false;
	const struct probed *known = find(path);
	if (known)
		return known->is_silent;
	dev_t device = n_silent_devices ? look_device(path) : 0;
	for (size_t i = 0; device && i < n_silent_devices; i++)
		if (silent_devices[i] == device)
			return true;
	return false;
}

/*
 * Each of the questions that a claim or a release would wait for, of what is on its way, too, as
 * the walk to it asks them.
 */
static void ask_path(void *context, size_t i, struct attempt_out *out)
{
	const char *const *paths = context;
	/* What is mounted when it is come through (autofs) is not by a walk of single steps. */
	int mounted = open(paths[i], O_PATH | O_CLOEXEC);
	if (mounted >= 0)
		close(mounted);
	cleanup_fd int fd = look_all_along(paths[i]);
	struct statfs fs;

	(void)out;
	if (fd >= 0)
		fstatfs(fd, &fs);
}

/* What could not be asked is not known to answer. */
static void take_path(void *context, size_t i, const struct attempt_answer *answer)
{
	const char *const *paths = context;

	note(paths[i], answer->number != 0);
}

static dev_t device_of(void *context, size_t i)
{
	const char *const *paths = context;

	return look_device(paths[i]);
}

static bool is_local(const char *path)
{
	cleanup_fd int fd = look_local(path);

	return fd >= 0 ? look_is_local(fd, -1) : errno == ENOENT;
}

void probe_forget(struct probe_start *start)
{
	if (start->is_tried && start->fd >= 0)
		close(start->fd);
	free(start->path);
	*start = (struct probe_start){0};
}

/* Of the directory, if it is a local file system's. */
static void open_start(struct probe_start *start)
{
	struct statx stx;

	start->is_tried = true;
	start->fd = -1;
	cleanup_fd int fd = look_local(start->path);
	if (fd < 0 || !look_is_local(fd, -1) || !look_now_statx(fd, "", AT_EMPTY_PATH, &stx) ||
		!(stx.stx_mask & MOUNTS_ID))
		return;
	start->fd = steal_fd(&fd);
	start->mount = stx.stx_mnt_id;
}

/* One that is no symbolic link, and has nothing mounted on it, or none. */
static bool is_next_to(const struct probe_start *start, const char *name)
{
	struct statx stx;

	if (!look_now_statx(start->fd, name, AT_SYMLINK_NOFOLLOW, &stx))
		return errno == ENOENT;
	return !S_ISLNK(stx.stx_mode) && (stx.stx_mask & MOUNTS_ID) &&
	       stx.stx_mnt_id == start->mount;
}

bool probe_is_known_from(struct probe_start *start, const char *path)
{
	if (path[0] != '/' || find(path))
		return true;
	const char *name = strrchr(path, '/') + 1;
	size_t length = (size_t)(name - path);
	/* Where each VM has a directory of its own, that is not worth to be opened. */
	if (!start->path || strncmp(start->path, path, length) != 0 || start->path[length]) {
		probe_forget(start);
		start->path = xstrndup(path, length);
		return is_local(path);
	}
	if (!start->is_tried)
		open_start(start);
	return (*name && start->fd >= 0 && is_next_to(start, name)) || is_local(path);
}

bool probe_is_known(const char *path)
{
	return path[0] != '/' || find(path) || is_local(path);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void probe(const char *const *paths, size_t n)
{
	cleanup_free const char **unknown = xcalloc(n + 1, sizeof *unknown);
	size_t n_unknown = 0, kept = 0;
	struct attempt question = {
		.ask = ask_path, .take = take_path, .device = device_of, .context = unknown};

	struct probe_start start = {0};
	for (size_t i = 0; i < n; i++)
		if (!probe_is_known_from(&start, paths[i]))
			unknown[n_unknown++] = paths[i];
	probe_forget(&start);
	/* The same path once; and what lies on one mount one after the other. */
	if (n_unknown)
		qsort(unknown, n_unknown, sizeof *unknown, by_text);
	for (size_t i = 0; i < n_unknown; i++)
		if (kept == 0 || strcmp(unknown[kept - 1], unknown[i]) != 0)
			unknown[kept++] = unknown[i];
	attempt(&question, kept);
	if (n_probed)
		qsort(probed, n_probed, sizeof *probed, by_path);
}
