/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/look.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "path/fstype.h"
#include "path/look_now.h"
#include "path/mountinfo.h"
#include "path/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif
/* As the kernel's own (path_resolution(7)). */
#define MAX_LINKS 40

bool look_may_wait(void)
{
	static enum { UNKNOWN, NO, YES } may = UNKNOWN;

	if (may != UNKNOWN)
		return may == YES;
	cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/filesystems", SIZE_MAX, NULL);
	may = text ? NO : YES;
	for (const char *line = text; line && *line && may == NO;) {
		size_t length = strcspn(line, "\n");
		const char *tab = memchr(line, '\t', length);
		const char *name = tab ? tab + 1 : line;
		if (!fstype_is_cached(name, length - (size_t)(name - line)))
			may = YES;
		line += length + (line[length] == '\n');
	}
	return may == YES;
}

/*
 * Attributes.
 */

void look_stat_of(const struct statx *stx, struct stat *st)
{
	*st = (struct stat){.st_dev = makedev(stx->stx_dev_major, stx->stx_dev_minor),
		.st_ino = stx->stx_ino,
		.st_mode = stx->stx_mode,
		.st_nlink = stx->stx_nlink,
		.st_uid = stx->stx_uid,
		.st_gid = stx->stx_gid,
		.st_rdev = makedev(stx->stx_rdev_major, stx->stx_rdev_minor),
		.st_size = (off_t)stx->stx_size,
		.st_blksize = stx->stx_blksize,
		.st_blocks = (blkcnt_t)stx->stx_blocks,
		.st_atim = {stx->stx_atime.tv_sec, stx->stx_atime.tv_nsec},
		.st_mtim = {stx->stx_mtime.tv_sec, stx->stx_mtime.tv_nsec},
		.st_ctim = {stx->stx_ctime.tv_sec, stx->stx_ctime.tv_nsec}};
}

bool look_now_statx(int directory, const char *path, int flags, struct statx *stx)
{
	return statx(directory, path, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		       STATX_BASIC_STATS | STATX_BTIME | mounts_id_mask(), stx) == 0;
}

bool look_now_stat(int directory, const char *path, int flags, struct stat *st)
{
	struct statx stx;

	if (!look_now_statx(directory, path, flags, &stx))
		return false;
	look_stat_of(&stx, st);
	return true;
}

/* A look in a child, and what came of it: errno first, then the rest. */
struct looked {
	int directory, flags;
	const char *path, *name;
	void *value;
	size_t size;
	int number;
	char *bytes; /* new */
	size_t length;
	int fd;
};

static void take_look(void *context, size_t i, const struct attempt_answer *answer)
{
	struct looked *looked = context;
	int number;

	(void)i;
	looked->fd = answer->fd;
	looked->number = answer->number;
	if (answer->number)
		return;
	if (answer->length < sizeof number) {
		looked->number = EPROTO;
		return;
	}
	memcpy(&number, answer->bytes, sizeof number);
	looked->number = number;
	looked->length = answer->length - sizeof number;
	looked->bytes = xmalloc(looked->length + 1);
	memcpy(looked->bytes, (const char *)answer->bytes + sizeof number, looked->length);
}

/* Whether it was answered, and without an error; else errno. *looked owns what came. */
static bool look(
	struct looked *looked, void (*ask)(void *context, size_t i, struct attempt_out *out))
{
	struct attempt asked = {.ask = ask,
		.take = take_look,
		.context = looked,
		.keep = &looked->directory,
		.n_keep = 1};

	attempt(&asked, 1);
	errno = looked->number;
	return looked->number == 0;
}

static void put_errno(struct attempt_out *out, bool good)
{
	int number = good ? 0 : errno;

	attempt_put(out, &number, sizeof number);
}

static void ask_stat(void *context, size_t i, struct attempt_out *out)
{
	const struct looked *looked = context;
	struct statx stx;

	(void)i;
	put_errno(out, look_now_statx(looked->directory, looked->path, looked->flags, &stx));
	attempt_put(out, &stx, sizeof stx);
}

static bool statx_in_child(int directory, const char *path, int flags, struct statx *stx)
{
	struct looked looked = {.directory = directory, .path = path, .flags = flags};
	bool good = look(&looked, ask_stat) && looked.length == sizeof *stx;

	if (good)
		memcpy(stx, looked.bytes, sizeof *stx);
	free(looked.bytes);
	return good;
}

static bool look_statx(int directory, const char *path, int flags, struct statx *stx)
{
	return look_may_wait() ? statx_in_child(directory, path, flags, stx)
			       : look_now_statx(directory, path, flags, stx);
}

static bool look_stat_at(int directory, const char *path, int flags, struct stat *st)
{
	struct statx stx;

	if (!look_statx(directory, path, flags, &stx))
		return false;
	look_stat_of(&stx, st);
	return true;
}

bool look_stat_link(int directory, const char *link, struct stat *st)
{
	return look_stat_at(directory, link, 0, st);
}

bool look_statx_link(int directory, const char *link, struct statx *stx)
{
	return look_statx(directory, link, 0, stx);
}

bool look_statx_fd(int fd, struct statx *stx)
{
	return look_statx(fd, "", AT_EMPTY_PATH, stx);
}

bool look_stat_fd(int fd, struct stat *st)
{
	return look_stat_at(fd, "", AT_EMPTY_PATH, st);
}

/*
 * Paths.
 */

int look_now_open(int directory, const char *path, int flags, unsigned resolve)
{
	return io_openat2(directory, path, flags | O_PATH, resolve);
}

static void ask_open(void *context, size_t i, struct attempt_out *out)
{
	const struct looked *looked = context;

	(void)i;
	out->fd = look_now_open(looked->directory, looked->path, looked->flags, 0);
	put_errno(out, out->fd >= 0);
}

static int open_in_child(int directory, const char *path, int flags)
{
	struct looked looked = {.directory = directory, .path = path, .flags = flags, .fd = -1};

	look(&looked, ask_open);
	free(looked.bytes);
	if (looked.fd < 0 && looked.number == 0)
		looked.number = EPROTO;
	errno = looked.number;
	return looked.fd;
}

int look_open_link(int directory, const char *link)
{
	return look_may_wait() ? open_in_child(directory, link, 0)
			       : look_now_open(directory, link, 0, 0);
}

/*
 * Mounts.
 */

/* Of a mount in a list that is another process's: what is new of it is in *mount. */
static bool find_theirs(int fd, int process, struct proc_mount *mount)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &stx) < 0 ||
		!(stx.stx_mask & STATX_MNT_ID))
		return false;
	cleanup_free char *text = io_read_file(process, "mountinfo", SIZE_MAX, NULL);
	for (const char *p = text; p && proc_mountinfo_next(&p, mount);) {
		if (mount->id == stx.stx_mnt_id)
			return true;
		proc_mount_free(mount);
	}
	return false;
}

/* Where the object lies, by what statx(2) has told; NULL: in no list. */
static const struct proc_mount *mount_of(
	int fd, int process, const struct statx *stx, struct proc_mount *theirs)
{
	const struct proc_mount *mount = mounts_by_statx(fd, stx);

	*theirs = (struct proc_mount){0};
	return mount || process < 0 || !find_theirs(fd, process, theirs) ? mount : theirs;
}

bool look_is_local(int fd, int process)
{
	/* The disks of many VMs mostly lie on one mount. What only it is called by tells for ever.
	 */
	static uint64_t known;
	struct proc_mount theirs;
	struct statx stx;

	/* What may wait must not be asked even this. */
	if (look_may_wait() || !mounts_statx(fd, &stx))
		return false;
	bool is_unique = stx.stx_mask & STATX_MNT_ID_UNIQUE;
	if (is_unique && known && stx.stx_mnt_id == known)
		return true;
	const struct proc_mount *mount = mount_of(fd, process, &stx, &theirs);
	bool local = mount && fstype_is_own(mount->type, strlen(mount->type));
	/* Another list can be that of a tree of files which stands for a host. */
	if (local && is_unique && mount != &theirs)
		known = stx.stx_mnt_id;
	proc_mount_free(&theirs);
	return local;
}

/* The first name of what is left of a way, which it is taken from, with the slashes behind it. */
static char *next_name(char **left)
{
	char *p = *left + strspn(*left, "/");
	size_t length = strcspn(p, "/");
	char *name = xstrndup(p, length);

	p += length;
	memmove(*left, p, strlen(p) + 1);
	return name;
}

/* What the link says comes before what is left. False and errno. */
static bool follow(int link, int *at, char **left)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof target - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	if (*target == '/') {
		close(*at);
		*at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	char *all = xasprintf("%s%s", target, *left);
	free(*left);
	*left = all;
	return *at >= 0;
}

/* What it is, by its file system itself. */
static bool ask_now(int fd, struct stat *st)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stx) < 0)
		return false;
	look_stat_of(&stx, st);
	return true;
}

/*
 * The object at the end of a path, step by step. local: each step is from a directory of a local
 * file system, read from its disk where the kernel does not know it yet; the root of another one's
 * mount is at most come to, and -1 and EAGAIN: it is not so. Else all are asked what they are.
 */
static int walk(int directory, const char *path, int flags, bool local)
{
	cleanup_free char *left = xstrdup(path);
	cleanup_fd int at = -1;
	unsigned n_links = 0;

	if (*path == '/')
		at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	else
		at = directory == AT_FDCWD ? -1 : fcntl(directory, F_DUPFD_CLOEXEC, 3);
	while (at >= 0 && left[strspn(left, "/")] && (!local || look_is_local(at, -1))) {
		cleanup_free char *name = next_name(&left);
		struct stat st;
		cleanup_fd int next = look_now_open(at, name, O_NOFOLLOW, 0);
		if (next < 0 ||
			!(local ? look_now_stat(next, "", AT_EMPTY_PATH, &st) : ask_now(next, &st)))
			return -1;
		if (S_ISLNK(st.st_mode) && (*left || !(flags & O_NOFOLLOW))) {
			if (++n_links <= MAX_LINKS && follow(next, &at, &left))
				continue;
			errno = n_links > MAX_LINKS ? ELOOP : errno;
			return -1;
		}
		if (!*left && flags & O_DIRECTORY && !S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return -1;
		}
		close(at);
		at = steal_fd(&next);
		if (!*left)
			return steal_fd(&at);
	}
	errno = EAGAIN;
	return -1;
}

int look_cached(int directory, const char *path, int flags)
{
	if (look_may_wait()) {
		errno = EAGAIN;
		return -1;
	}
	/* EINVAL: before Linux 5.12. */
	int fd = look_now_open(directory, path, flags, RESOLVE_CACHED);
	if (fd >= 0 || (errno != EAGAIN && errno != EINVAL))
		return fd;
	return walk(directory, path, flags, true);
}

int look_known(const char *path)
{
	cleanup_fd int fd = look_may_wait() ? -1
					    : look_now_open(AT_FDCWD, path, 0,
						      RESOLVE_CACHED | RESOLVE_NO_SYMLINKS);

	/* The kernel knows the way through other mounts, too. */
	return fd >= 0 && mounts_way_is_local(fd, path) ? steal_fd(&fd) : -1;
}

int look_local(const char *path)
{
	int fd = look_known(path);

	return fd >= 0 ? fd : walk(AT_FDCWD, path, 0, true);
}

int look_all_along(const char *path)
{
	return walk(AT_FDCWD, path, 0, false);
}

int look_open(int directory, const char *path, int flags)
{
	int fd = look_cached(directory, path, flags);

	if (fd >= 0 || errno != EAGAIN)
		return fd;
	return open_in_child(directory, path, flags);
}

bool look_stat(int directory, const char *path, int flags, struct stat *st)
{
	cleanup_fd int fd =
		look_open(directory, path, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);

	return fd >= 0 && look_stat_fd(fd, st);
}

static bool is_below(const char *path, const char *point)
{
	size_t length = strlen(point);

	return strncmp(path, point, length) == 0 && (path[length] == '/' || !path[length]);
}

dev_t look_device(const char *path)
{
	unsigned reading;
	const char *text = mountinfo_text(&reading);
	size_t longest = 0;
	dev_t device = 0;

	while (text && *text) {
		struct proc_mount mount;
		if (!proc_mountinfo_next(&text, &mount))
			break;
		size_t length = strlen(mount.point);
		/* A later mount hides what is there already. */
		if (length > 1 && length >= longest && is_below(path, mount.point)) {
			longest = length;
			device = fstype_is_own(mount.type, strlen(mount.type)) ? 0 : mount.dev;
		}
		proc_mount_free(&mount);
	}
	return device;
}

/* fs/fuse/inode.c, fuse_show_options(): whose server it is, in the ids of the mount's owner. */
static uid_t user_of(const char *options)
{
	for (const char *p = options; *p; p += *p == ',') {
		if (strncmp(p, "user_id=", strlen("user_id=")) == 0)
			return (uid_t)strtoul(p + strlen("user_id="), NULL, 10);
		p += strcspn(p, ",");
	}
	return 0;
}

int look_is_fuse(int fd, int process, uid_t *user)
{
	struct proc_mount theirs;
	struct statx stx;

	if (!mounts_statx(fd, &stx))
		return -1;
	const struct proc_mount *mount = mount_of(fd, process, &stx, &theirs);
	if (!mount)
		return -1;
	size_t length = strcspn(mount->type, ".");
	bool is_fuse =
		(length == strlen("fuse") && strncmp(mount->type, "fuse", length) == 0) ||
		(length == strlen("fuseblk") && strncmp(mount->type, "fuseblk", length) == 0);
	*user = is_fuse ? user_of(mount->options) : 0;
	proc_mount_free(&theirs);
	return is_fuse;
}

ssize_t look_now_xattr(int fd, const char *name, void *value, size_t size)
{
	return getxattr(IO_FD_PATH(fd), name, value, size);
}

static void ask_xattr(void *context, size_t i, struct attempt_out *out)
{
	const struct looked *looked = context;
	cleanup_free char *value = xmalloc(looked->size + 1);

	(void)i;
	ssize_t n = look_now_xattr(looked->directory, looked->name, value, looked->size);
	put_errno(out, n >= 0);
	attempt_put(out, &n, sizeof n);
	if (n > 0 && (size_t)n <= looked->size)
		attempt_put(out, value, (size_t)n);
}

ssize_t look_getxattr(int fd, int process, const char *name, void *value, size_t size)
{
	if (look_is_local(fd, process))
		return look_now_xattr(fd, name, value, size);
	struct looked looked = {.directory = fd, .name = name, .size = size};
	ssize_t n = -1;
	if (look(&looked, ask_xattr) && looked.length >= sizeof n) {
		memcpy(&n, looked.bytes, sizeof n);
		if (looked.length - sizeof n <= size)
			memcpy(value, looked.bytes + sizeof n, looked.length - sizeof n);
	}
	free(looked.bytes);
	errno = looked.number;
	return n;
}

/*
 * Directories.
 */

/* Takes fd. */
static bool put_names(int fd, struct attempt_out *out)
{
	cleanup_dir DIR *dir = fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		int number = errno;
		close(fd);
		errno = number;
		return false;
	}
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			attempt_put(out, d->d_name, strlen(d->d_name) + 1);
	return errno == 0;
}

static void ask_names(void *context, size_t i, struct attempt_out *out)
{
	const struct looked *looked = context;
	struct attempt_out names = {.fd = -1};

	(void)i;
	int fd = openat(
		looked->directory, looked->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_CLOEXEC);
	put_errno(out, fd >= 0 && put_names(fd, &names));
	attempt_put(out, names.bytes, names.length);
}

char *look_names(int directory, const char *path, size_t *length)
{
	cleanup_fd int found = look_open(directory, path, O_DIRECTORY);

	if (found < 0)
		return NULL;
	if (look_is_local(found, -1)) {
		struct attempt_out names = {.fd = -1};
		int fd = openat(found, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && put_names(fd, &names)) {
			*length = names.length;
			return names.bytes ? names.bytes : xstrdup("");
		}
		int number = errno;
		free(names.bytes);
		errno = number;
		return NULL;
	}
	struct looked looked = {.directory = found, .path = "."};
	if (!look(&looked, ask_names)) {
		int number = errno;
		free(looked.bytes);
		errno = number;
		return NULL;
	}
	*length = looked.length;
	return looked.bytes;
}
