/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/reach.h"

#include "base/attempt.h"
#include "base/io.h"
#include "path/look.h"
#include "path/mounts.h"
#include "path/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct way {
	const char *path;
	dev_t served; /* the device of what serves it; 0: not known */
	int fd, number;
};

static int open_way(const char *path, unsigned resolve)
{
	return io_openat2(AT_FDCWD, path, O_PATH | O_NOFOLLOW, resolve);
}

/* The kernel can know the name still: whether it answers is told by what it has to be asked for. */
static void ask(void *context, size_t i, struct attempt_out *out)
{
	const struct way *way = context;
	struct statx stx;
	int number = 0;

	(void)i;
	out->fd = open_way(way->path, RESOLVE_NO_MAGICLINKS);
	if (out->fd < 0 || statx(out->fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC,
				   STATX_BASIC_STATS | STATX_BTIME, &stx) < 0) {
		number = errno;
		out->fd = -1;
	}
	attempt_put(out, &number, sizeof number);
}

static void take(void *context, size_t i, const struct attempt_answer *answer)
{
	struct way *way = context;

	(void)i;
	way->fd = answer->fd;
	way->number = answer->number;
	if (!way->number && answer->length == sizeof way->number)
		memcpy(&way->number, answer->bytes, sizeof way->number);
	if (!way->number && way->fd < 0)
		way->number = EPROTO;
}

static dev_t served(void *context, size_t i)
{
	(void)i;
	return ((const struct way *)context)->served;
}

int reach_open(const char *path)
{
	int known = mounts_asks_kernel() ? look_known(path) : -1;

	if (known >= 0)
		return known;
	const struct proc_mount *mount = mounts_on_way(path);
	struct way way = {.path = path, .served = mount ? mount->dev : 0, .fd = -1};
	const struct attempt question = {
		.ask = ask, .take = take, .device = served, .context = &way};

	/*
	 * Where a directory of the path is a symbolic link now, nothing tells beforehand where
	 * that leads.
	 */
	if (!mount) {
		int fd = open_way(path, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
		if (fd >= 0 || errno != ELOOP)
			return fd;
	}
	if (probe_is_silent(path)) {
		errno = ATTEMPT_SILENT;
		return -1;
	}
	attempt(&question, 1);
	errno = way.number;
	return way.fd;
}
