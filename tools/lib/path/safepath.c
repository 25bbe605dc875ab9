/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/safepath.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/look.h"
#include "path/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

/* As many as the kernel follows (path_resolution(7)). */
#define MAX_LINKS 40

struct link {
	uid_t owner;
	char *path;
};

/*
 * A walk in progress, and afterwards the way to the directory of the last object:
 * the disks of a VM mostly lie next to each other, and the next path that begins
 * with the same directory goes on from here. The descriptors hold what was judged,
 * so this stays as sound as one long walk.
 */
static struct way {
	char *start; /* the path up to and with its last "/", as it was asked for */
	struct safepath_dir *dirs;
	size_t n_dirs;
	struct link *links; /* unprivileged owners of symbolic links on the way */
	size_t n_links, n_followed;
	size_t at;    /* index of the directory that the walk has come to */
	bool is_step; /* the last object is another one than that directory */
	char *unsafe;
} way;

static unsigned long way_number;

static void forget_way(void)
{
	way_number++;
	for (size_t i = 0; i < way.n_dirs; i++) {
		close(way.dirs[i].fd);
		free(way.dirs[i].path);
		trust_free(&way.dirs[i].writers);
	}
	for (size_t i = 0; i < way.n_links; i++)
		free(way.links[i].path);
	free(way.dirs);
	free(way.links);
	free(way.start);
	free(way.unsafe);
	way = (struct way){0};
}

static int open_component(int dir, const char *name)
{
	/* One component, never through a link: links are read and judged, then walked. */
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS};

	return (int)syscall(SYS_openat2, dir, name, &how, sizeof how);
}

static char *say_shared(const struct safepath_dir *dir, const char *path, uid_t owner,
	const struct trust_report *report)
{
	struct trust_report others = *report;
	others.is_owner = false;
	/* The mode is said already. */
	cleanup_free char *cause =
		report->by_mode ? NULL : trust_explain(&dir->writers, &others, NULL);
	cleanup_free char *help =
		report->adds_only ? NULL : trust_help(&dir->writers, owner, dir->path);

	return xasprintf("others than its owner can write to the directory %s (mode %04o%s%s), so "
			 "anybody's file can have been moved to %s; move it to a directory that "
			 "only its owner or root can write to%s%s",
		dir->path, dir->st.st_mode & 07777, cause ? "; " : "", cause ? cause : "", path,
		help ? ", or: " : "", help ? help : "");
}

/*
 * Why an object of that owner, reached from dir under that path, may not be what root was
 * meant to reach.
 */
static char *judge_step(
	const struct safepath_dir *dir, const char *path, uid_t owner, bool is_directory)
{
	struct trust_report report;

	if (trust_judge(&dir->writers, owner, &report) < TRUST_OTHERS)
		return NULL;
	/* Nobody but its owner moves a directory into a sticky one, or out of it. */
	if (report.adds_only && dir->st.st_uid == 0 && owner == 0 && is_directory)
		return NULL;
	if (report.is_shared)
		return say_shared(dir, path, owner, &report);
	return xasprintf("%s is owned by uid %u, but the directory %s by uid %u, who can put "
			 "anything there; move it to a directory of its owner's or of root's",
		path, owner, dir->path, dir->st.st_uid);
}

/* Takes a new message, or NULL; the first one is what counts. */
static void note_unsafe(char *message)
{
	if (way.unsafe && message)
		free(message);
	else if (message)
		way.unsafe = message;
}

static void push_dir(int fd, char *path, const struct stat *st, uid_t server)
{
	way.dirs = xreallocarray(way.dirs, way.n_dirs + 1, sizeof *way.dirs);
	way.dirs[way.n_dirs] = (struct safepath_dir){fd, path, *st, server, trust_read(fd, st)};
	way.at = way.n_dirs++;
}

/* Who serves the object, which was reached from dir, by a FUSE mount of his. */
static uid_t server_of(const struct safepath_dir *dir, int fd, const struct stat *st)
{
	uid_t user = 0;
	struct statfs fs;

	/* A FUSE mount has a device number of its own. */
	if (dir->st.st_dev == st->st_dev)
		return dir->server;
	int is_fuse = look_is_fuse(fd, -1, &user);
	/* Beyond the root of a chroot(2), mountinfo does not tell. */
	if (is_fuse < 0)
		return fstatfs(fd, &fs) < 0 || fs.f_type == FUSE_SUPER_MAGIC ? (uid_t)-1 : 0;
	return is_fuse ? user : 0;
}

/* What is served is the server's. */
static void attribute(const char *path, uid_t server, struct stat *st)
{
	if (!server)
		return;
	if (st->st_uid != server)
		note_unsafe(xasprintf("%s lies on a FUSE mount of uid %d, which says that it is "
				      "owned by uid %u, and can say anything; move it to another "
				      "file system, or mount this one as root",
			path, (int)server, st->st_uid));
	st->st_uid = server;
}

static bool go_to_root(char **error)
{
	struct stat st;
	cleanup_fd int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		*error = xasprintf("can't open the directory /: %s", strerror(errno));
		return false;
	}
	push_dir(steal_fd(&fd), xstrdup("/"), &st, 0);
	return true;
}

static char *join(const char *dir, const char *name)
{
	if (strcmp(name, "..") == 0) {
		const char *slash = strrchr(dir, '/');
		return slash == dir ? xstrdup("/") : xstrndup(dir, (size_t)(slash - dir));
	}
	return xasprintf("%s/%s", dir[1] ? dir : "", name);
}

static bool fail(char **error, const char *path, int number)
{
	*error = xasprintf("can't reach %s: %s", path, strerror(number));
	errno = number;
	return false;
}

/* A link's target, with what was to come behind the link. */
static bool read_link(int fd, const char *path, const char *rest, char **pending, char **error)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof target - 1);

	if (n <= 0)
		return fail(error, path, n < 0 ? errno : ENOENT);
	if (++way.n_followed > MAX_LINKS)
		return fail(error, path, ELOOP);
	target[n] = '\0';
	*pending = xasprintf("%s%s", target, rest);
	return true;
}

static bool has_component(const char *path)
{
	for (; *path; path++)
		if (*path != '/' && !(*path == '.' && (path[1] == '/' || !path[1])))
			return true;
	return false;
}

/*
 * Walks from way.at over path. The last object, if it is no symbolic link, is put
 * into *out and not into the way; directories before it are. Links extend the path.
 */
static bool walk(const char *path, struct safepath *out, char **error)
{
	cleanup_free char *pending = xstrdup(path);
	char *p = pending;

	for (;;) {
		p += strspn(p, "/");
		size_t length = strcspn(p, "/");
		cleanup_free char *name = xstrndup(p, length);
		p += length;
		if (strcmp(name, ".") == 0)
			continue;
		/* A path that ends in "/" or is "/" alone: the directory that was come to. */
		const struct safepath_dir *dir = &way.dirs[way.at];
		cleanup_free char *here = *name ? join(dir->path, name) : xstrdup(dir->path);
		cleanup_fd int fd =
			*name ? open_component(dir->fd, name) : fcntl(dir->fd, F_DUPFD_CLOEXEC, 3);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) < 0)
			return fail(error, here, errno);
		uid_t server = server_of(dir, fd, &st);
		attribute(here, server, &st);
		/* The last object is judged by safepath_judge(). */
		bool is_last = !S_ISLNK(st.st_mode) && !has_component(p);
		if (*name && !is_last)
			note_unsafe(judge_step(dir, here, st.st_uid, S_ISDIR(st.st_mode)));
		if (S_ISLNK(st.st_mode)) {
			char *next;
			if (!read_link(fd, here, p, &next, error))
				return false;
			if (st.st_uid != 0) {
				way.links = xreallocarray(
					way.links, way.n_links + 1, sizeof *way.links);
				way.links[way.n_links++] =
					(struct link){st.st_uid, steal_pointer(&here)};
			}
			free(pending);
			p = pending = next;
			if (*p == '/' && !go_to_root(error))
				return false;
			continue;
		}
		if (is_last) {
			way.is_step = *name != '\0';
			if (*p == '/' && !S_ISDIR(st.st_mode))
				return fail(error, here, ENOTDIR);
			out->fd = steal_fd(&fd);
			out->path = steal_pointer(&here);
			out->st = st;
			return true;
		}
		if (!S_ISDIR(st.st_mode))
			return fail(error, here, ENOTDIR);
		push_dir(steal_fd(&fd), steal_pointer(&here), &st, server);
	}
}

void safepath_judge(struct safepath *out, uid_t owner)
{
	free(out->unsafe);
	out->unsafe = NULL;
	if (way.unsafe)
		out->unsafe = xstrdup(way.unsafe);
	else if (way.is_step)
		out->unsafe =
			judge_step(&way.dirs[way.at], out->path, owner, S_ISDIR(out->st.st_mode));
	for (size_t i = 0; i < way.n_links && !out->unsafe; i++)
		if (way.links[i].owner != owner)
			out->unsafe =
				xasprintf("%s was reached through the symbolic link %s of uid "
					  "%u, but is owned by uid %u; name the file itself",
					out->path, way.links[i].path, way.links[i].owner, owner);
}

bool safepath_open(const char *path, struct safepath *out, char **error)
{
	const char *slash = strrchr(path, '/');
	const char *rest = path;

	*out = (struct safepath){.fd = -1};
	if (path[0] != '/') {
		*error = xasprintf("%s: the path is not absolute", path);
		errno = EINVAL;
		return false;
	}
	if (probe_is_silent(path)) {
		*error = xasprintf("can't reach %s: %s", path, attempt_why(ATTEMPT_SILENT));
		errno = ATTEMPT_SILENT;
		return false;
	}
	size_t start = (size_t)(slash - path) + 1;
	/* A walk that followed a link at its end has left the directory it began in. */
	if (way.start && strncmp(way.start, path, start) == 0 && !way.start[start] && slash[1] &&
		has_component(slash)) {
		rest = slash + 1;
	} else {
		forget_way();
		if (!go_to_root(error))
			return false;
	}
	size_t links_before = way.n_followed;
	if (!walk(rest, out, error)) {
		forget_way();
		return false;
	}
	out->dirs = way.dirs;
	out->n_dirs = way.n_dirs;
	/* A walk through a link has left the way that others share. */
	if (way.n_followed > 0)
		way_number++;
	out->way = way_number;
	out->link_owner = way.n_links > 0 ? way.links[0].owner : 0;
	safepath_judge(out, out->st.st_uid);
	/*
	 * The way can serve again if it says nothing of the last component, and if that
	 * was reached right from the directory that the path names: behind "DIR/" or "DIR/.",
	 * the walk has come to the directory above DIR.
	 */
	free(way.start);
	way.start = NULL;
	if (!way.unsafe && way.n_followed == 0 && links_before == 0 && has_component(slash))
		way.start = xstrndup(path, start);
	return true;
}

void safepath_forget(void)
{
	forget_way();
}

void safepath_close(struct safepath *out)
{
	if (out->fd >= 0)
		close(out->fd);
	free(out->path);
	free(out->unsafe);
	*out = (struct safepath){.fd = -1};
}

int safepath_reopen(int fd, int flags)
{
	return open(IO_FD_PATH(fd), flags | O_CLOEXEC | O_NOCTTY);
}

int safepath_reopen_walk(const struct safepath *walk, int flags)
{
	int fd = safepath_reopen(walk->fd, flags);
	const char *slash = strrchr(walk->path, '/');
	struct stat st;

	if (fd >= 0 || errno != ENOENT || walk->n_dirs == 0 || !slash || !slash[1])
		return fd;
	cleanup_fd int again = openat(walk->dirs[walk->n_dirs - 1].fd, slash + 1,
		flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (again < 0 || fstat(again, &st) < 0)
		return -1;
	if (st.st_dev != walk->st.st_dev || st.st_ino != walk->st.st_ino) {
		errno = ESTALE;
		return -1;
	}
	return steal_fd(&again);
}
