/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/block_view.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/block_view_private.h"
#include "path/mountinfo.h"
#include "path/mounts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * How long a loop device, and how long all of them together have to say what is behind them. Of one
 * that does not answer it is known that it is no file that is being claimed: that one's file system
 * has just answered.
 */
#define ASK_MILLISECONDS 1000
#define ASK_ALL_MILLISECONDS 3000

bool block_read_dev(int dir, const char *path, dev_t *dev)
{
	char text[32];
	unsigned a, b;

	if (!io_read_line(dir, path, text, sizeof text) || sscanf(text, "%u:%u", &a, &b) != 2)
		return false;
	*dev = makedev(a, b);
	return true;
}

static bool fail(char **error, const char *what)
{
	*error = xasprintf("cannot read %s: %s", what, strerror(errno));
	return false;
}

/* Loop devices. */

/*
 * More than that many are none of a host's. An ordinary user can have some made (udisks), and with
 * too many, nothing could be claimed: so it is far beyond what fits into a desktop's session.
 */
#define MAX_LOOPS 16384

struct found {
	dev_t dev;
	char name[256], file[4096 + 16];
	bool is_known;
	dev_t file_dev, file_rdev;
	ino_t file_ino;
	uint64_t offset, size;
};

/* What the child finds; both have it. Written by the child alone. */
struct search {
	volatile bool is_listed;
	int error;	      /* of what can't be read at all */
	size_t n;	      /* loop devices that have a file */
	volatile size_t next; /* the first one that has not been asked, n: all were */
	struct found all[MAX_LOOPS];
};

static uint64_t number_of(int dir, const char *name, const char *file)
{
	char path[300], text[32] = "";
	unsigned long long n = 0;

	snprintf(path, sizeof path, "%s/loop/%s", name, file);

	if (io_read_line(dir, path, text, sizeof text))
		sscanf(text, "%llu", &n);
	return n;
}

/* Returns the error number of what can't be told. */
static int add_loop(struct search *search, int dir, const char *name)
{
	struct found *found = &search->all[search->n];
	char dev_path[300], file_path[300];

	snprintf(dev_path, sizeof dev_path, "%s/dev", name);
	snprintf(file_path, sizeof file_path, "%s/loop/backing_file", name);
	/* It has that directory while it has a file. */
	if (!io_read_line(dir, file_path, found->file, sizeof found->file))
		return errno == ENOENT || errno == ENODEV || errno == ENXIO ? 0 : errno;
	if (search->n + 1 == MAX_LOOPS)
		return E2BIG;
	if (!block_read_dev(dir, dev_path, &found->dev))
		return errno;
	snprintf(found->name, sizeof found->name, "%s", name);
	found->offset = number_of(dir, name, "offset");
	found->size = number_of(dir, name, "sizelimit");
	search->n++;
	return 0;
}

static int find_loops(struct search *search, int sys)
{
	int fd = openat(sys, "block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	/* A host, or a container, without sysfs: block devices are refused when they are asked for.
	 */
	if (!dir)
		return errno == ENOENT ? 0 : errno;
	while (errno = 0, (d = readdir(dir)) != NULL) {
		int error =
			strncmp(d->d_name, "loop", 4) == 0 ? add_loop(search, fd, d->d_name) : 0;
		if (error)
			return error;
	}
	return errno;
}

/*
 * Whether there is one that has a file, as far as sysfs has names for it: to look for a name waits
 * for no file system, and on most hosts there is none, and so no child. What can't be told is for
 * the child to say.
 */
static bool may_have_loops(int sys)
{
	int fd = openat(sys, "block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	char path[300];

	if (!dir)
		return errno != ENOENT;
	while (errno = 0, (d = readdir(dir)) != NULL) {
		if (strncmp(d->d_name, "loop", 4) != 0)
			continue;
		snprintf(path, sizeof path, "%s/loop", d->d_name);
		if (faccessat(fd, path, F_OK, 0) == 0 || errno != ENOENT)
			return true;
	}
	return errno != 0;
}

/* The device itself. To open it for reading, and to close it, changes nothing of it. */
static bool ask_device(struct found *found)
{
	char path[272];
	struct loop_info64 info;
	struct stat st;

	snprintf(path, sizeof path, "/dev/%s", found->name);
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != found->dev ||
		ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return false;
	/* huge_encode_dev() of linux/kdev_t.h: what stat(2) has, but for its width. */
	found->file_dev = (dev_t)info.lo_device;
	found->file_ino = info.lo_inode;
	found->file_rdev = (dev_t)info.lo_rdevice;
	found->offset = info.lo_offset;
	found->size = info.lo_sizelimit;
	return true;
}

/* Where its node is not here: the file of the name that sysfs has, if there is one here. */
static bool ask_name(struct found *found)
{
	struct statx stx;

	if (found->file[0] != '/' ||
		statx(AT_FDCWD, found->file, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
			STATX_BASIC_STATS, &stx) < 0)
		return false;
	found->file_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	found->file_ino = stx.stx_ino;
	if (S_ISBLK(stx.stx_mode))
		found->file_rdev = makedev(stx.stx_rdev_major, stx.stx_rdev_minor);
	return true;
}

/*
 * The child: nothing that others wait for is open in it, and it can wait for ever. Its end, by
 * whatever, closes the pipe. It allocates nothing that it could die() of, since what the parent
 * does at its exit is not the child's to do.
 */
static _Noreturn void search_loops(struct search *search, int sys, int out, bool is_first)
{
	int root = dup2(sys, STDERR_FILENO + 1 == out ? STDERR_FILENO + 2 : STDERR_FILENO + 1);
	int pipe_ = dup2(out, STDERR_FILENO + 1 == root ? STDERR_FILENO + 2 : STDERR_FILENO + 1);

	if (root < 0 || pipe_ < 0) {
		search->error = errno;
		search->is_listed = true;
		_exit(1);
	}
	syscall(SYS_close_range, STDERR_FILENO + 3, ~0U, 0);
	if (is_first)
		search->error = find_loops(search, root);
	search->is_listed = true;
	for (; !search->error && search->next < search->n; search->next++) {
		struct found *found = &search->all[search->next];
		found->is_known = ask_device(found) || ask_name(found);
	}
	_exit(0);
}

static int milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)(now.tv_sec % 1000000 * 1000 + now.tv_nsec / 1000000);
}

/* Waits for the child's end, for as long as it comes on. -1 and errno: that can't be done. */
static int wait_for(const struct search *search, int in, int end)
{
	struct pollfd p = {.fd = in};

	for (;;) {
		size_t before = search->next;
		int left = end - milliseconds();
		int n = poll(&p, 1,
			left < 0		  ? 0
			: left < ASK_MILLISECONDS ? left
						  : ASK_MILLISECONDS);
		if (n < 0 && errno == EINTR)
			continue;
		if (n != 0 || search->next == before || left <= 0)
			return n;
	}
}

/* One child; 1: it has ended, 0: it was given up, -1 and errno: there was none. */
static int search_once(struct search *search, int sys, int end, bool is_first)
{
	int pipe_[2];

	if (pipe2(pipe_, O_CLOEXEC) < 0)
		return -1;
	pid_t child = fork();
	int number = errno;
	if (child == 0)
		search_loops(search, sys, pipe_[1], is_first);
	close(pipe_[1]);
	int result = -1;
	if (child > 0) {
		result = wait_for(search, pipe_[0], end);
		number = errno;
		/* Where it waits for a file system that does not answer, it is left to it. */
		if (result <= 0)
			kill(child, SIGKILL);
		waitpid(child, NULL, result <= 0 ? WNOHANG : 0);
	}
	close(pipe_[0]);
	errno = number;
	return result;
}

static bool ask_all(struct search *search, int sys, char **error)
{
	int end = milliseconds() + ASK_ALL_MILLISECONDS;

	for (bool is_first = true;; is_first = false) {
		int result = search_once(search, sys, end, is_first);
		if (result < 0)
			return fail(error, "the backing files of loop devices");
		errno = search->is_listed ? search->error : result ? ECHILD : ETIMEDOUT;
		if (errno)
			return fail(error, "/sys/block");
		if (search->next >= search->n)
			return true;
		info("/dev/%s: not answered in time which file backs it; sysfs names %s",
			search->all[search->next].name, search->all[search->next].file);
		search->next++;
	}
}

static void take(struct block_view *view, const struct search *search)
{
	view->loops = xcalloc(search->n + 1, sizeof *view->loops);
	for (size_t i = 0; i < search->n; i++) {
		const struct found *found = &search->all[i];
		view->loops[view->n_loops++] = (struct block_loop){.dev = found->dev,
			.name = xstrdup(found->name),
			.file = xstrdup(found->file),
			.is_known = found->is_known,
			.file_dev = found->file_dev,
			.file_ino = found->file_ino,
			.file_rdev = found->file_rdev,
			.offset = found->offset,
			.size = found->size};
	}
}

/*
 * The child does all of it, the list too: how many loop devices there are makes no difference to
 * what this process does.
 */
static bool read_loops(struct block_view *view, bool ask, char **error)
{
	if (!may_have_loops(view->sys))
		return true;
	struct search *search = mmap(NULL, sizeof *search, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bool good = true;

	if (search == MAP_FAILED)
		return fail(error, "the backing files of loop devices");
	if (ask) {
		good = ask_all(search, view->sys, error);
	} else if ((errno = find_loops(search, view->sys)) != 0) {
		good = fail(error, "/sys/block");
	} else {
		for (size_t i = 0; i < search->n; i++)
			search->all[i].is_known = ask_name(&search->all[i]);
	}
	if (good)
		take(view, search);
	munmap(search, sizeof *search);
	return good;
}

/* Mounts and swap areas. */

/* "\040" and the like of proc(5), in place. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		unsigned code;
		if (*p == '\\' && sscanf(p, "\\%3o", &code) == 1 && code) {
			*to++ = (char)code;
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	return text;
}

static void add_swap(struct block_view *view, char *line)
{
	struct block_swap swap = {0};
	char *end = strpbrk(line, " \t");

	if (line[0] != '/' || !end)
		return;
	*end = '\0';
	unescape(line);
	/* Nothing more can be told of one whose node or file is gone. */
	if (stat(line, &swap.st) < 0)
		return;
	swap.path = xstrdup(line);
	ARRAY_GROW(view->swaps, view->n_swaps);
	view->swaps[view->n_swaps++] = swap;
}

/* "self" of any mount of procfs is this process. */
static bool is_procfs(int proc)
{
	struct statfs fs;

	return fstatfs(proc, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

bool block_view_read_mounts(struct block_view *view, char **error)
{
	cleanup_free char *text = NULL;
	struct proc_mount mount;

	if (view->has_mounts)
		return true;
	view->lent_mounts = is_procfs(view->proc);
	if (view->lent_mounts) {
		const struct mounts *now = mounts_now();
		view->mounts = now->all;
		view->n_mounts = now->n;
		view->has_mounts = now->all != NULL;
	} else {
		text = io_read_file(view->proc, "self/mountinfo", SIZE_MAX, NULL);
		view->has_mounts = text != NULL;
	}
	for (const char *p = text; p && proc_mountinfo_next(&p, &mount);) {
		ARRAY_GROW(view->mounts, view->n_mounts);
		view->mounts[view->n_mounts++] = mount;
	}
	return view->has_mounts || fail(error, "/proc/self/mountinfo");
}

/* A kernel without swap has no such file. */
static bool read_swaps(struct block_view *view, int proc, char **error)
{
	cleanup_free char *text = io_read_file(proc, "swaps", SIZE_MAX, NULL);
	char *rest = text;

	if (!text)
		return errno == ENOENT || fail(error, "/proc/swaps");
	while (rest)
		add_swap(view, strsep(&rest, "\n"));
	return true;
}

struct block_view *block_view_new(int sys, int proc, bool ask, char **error)
{
	struct block_view *view = xcalloc(1, sizeof *view);

	view->sys = fcntl(sys, F_DUPFD_CLOEXEC, 3);
	view->proc = fcntl(proc, F_DUPFD_CLOEXEC, 3);
	if (view->sys < 0 || view->proc < 0)
		fail(error, view->sys < 0 ? "/sys" : "/proc");
	if (view->sys < 0 || view->proc < 0 || !read_loops(view, ask, error) ||
		!read_swaps(view, proc, error)) {
		block_view_free(view);
		return NULL;
	}
	return view;
}

void block_view_free(struct block_view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->n_loops; i++) {
		free(view->loops[i].name);
		free(view->loops[i].file);
	}
	for (size_t i = 0; i < view->n_mounts && !view->lent_mounts; i++)
		proc_mount_free(&view->mounts[i]);
	for (size_t i = 0; i < view->n_swaps; i++)
		free(view->swaps[i].path);
	if (view->sys >= 0)
		close(view->sys);
	if (view->proc >= 0)
		close(view->proc);
	free(view->loops);
	if (!view->lent_mounts)
		free(view->mounts);
	free(view->swaps);
	free(view);
}
