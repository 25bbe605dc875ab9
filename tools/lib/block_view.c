/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "block_view.h"

#include "cleanup.h"
#include "log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
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

bool block_read(int dir, const char *path, char *text, size_t size)
{
	cleanup_fd int fd = openat(dir, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

bool block_read_dev(int dir, const char *path, dev_t *dev)
{
	char text[32];
	unsigned a, b;

	if (!block_read(dir, path, text, sizeof text) || sscanf(text, "%u:%u", &a, &b) != 2)
		return false;
	*dev = makedev(a, b);
	return true;
}

static bool fail(char **error, const char *what)
{
	*error = xasprintf("can't read %s: %s", what, strerror(errno));
	return false;
}

/* Loop devices. */

struct answer {
	size_t loop;
	bool is_known;
	dev_t dev, rdev;
	ino_t ino;
	uint64_t offset, size;
};

static uint64_t number_of(int dir, const char *name, const char *file)
{
	cleanup_free char *path = xasprintf("block/%s/loop/%s", name, file);
	char text[32] = "";
	unsigned long long n = 0;

	if (block_read(dir, path, text, sizeof text))
		sscanf(text, "%llu", &n);
	return n;
}

static void add_loop(struct block_view *view, const char *name)
{
	cleanup_free char *dev_path = xasprintf("block/%s/dev", name);
	cleanup_free char *file_path = xasprintf("block/%s/loop/backing_file", name);
	char file[4096 + 16];
	dev_t dev;

	/* It has that directory while it has a file. */
	if (!block_read_dev(view->sys, dev_path, &dev) ||
		!block_read(view->sys, file_path, file, sizeof file))
		return;
	view->loops = xreallocarray(view->loops, view->n_loops + 1, sizeof *view->loops);
	view->loops[view->n_loops++] = (struct block_loop){.dev = dev,
		.name = xstrdup(name),
		.file = xstrdup(file),
		.offset = number_of(view->sys, name, "offset"),
		.size = number_of(view->sys, name, "sizelimit")};
}

static bool find_loops(struct block_view *view, char **error)
{
	int fd = openat(view->sys, "block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	/* A host, or a container, without sysfs: block devices are refused when they are asked for.
	 */
	if (!dir && errno == ENOENT)
		return true;
	if (!dir)
		return fail(error, "/sys/block");
	while (errno = 0, (d = readdir(dir)) != NULL)
		if (strncmp(d->d_name, "loop", 4) == 0)
			add_loop(view, d->d_name);
	return errno == 0 || fail(error, "/sys/block");
}

/* The device itself. To open it for reading, and to close it, changes nothing of it. */
static bool ask_device(const struct block_loop *loop, struct answer *answer)
{
	char path[64];
	struct loop_info64 info;
	struct stat st;

	snprintf(path, sizeof path, "/dev/%.50s", loop->name);
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode) || st.st_rdev != loop->dev ||
		ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
		return false;
	/* huge_encode_dev() of linux/kdev_t.h: what stat(2) has, but for its width. */
	answer->dev = (dev_t)info.lo_device;
	answer->ino = info.lo_inode;
	answer->rdev = (dev_t)info.lo_rdevice;
	answer->offset = info.lo_offset;
	answer->size = info.lo_sizelimit;
	return true;
}

/* Where its node is not here: the file of the name that sysfs has, if there is one here. */
static bool ask_name(const struct block_loop *loop, struct answer *answer)
{
	struct statx stx;

	if (loop->file[0] != '/' ||
		statx(AT_FDCWD, loop->file, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_BASIC_STATS,
			&stx) < 0)
		return false;
	answer->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	answer->ino = stx.stx_ino;
	if (S_ISBLK(stx.stx_mode))
		answer->rdev = makedev(stx.stx_rdev_major, stx.stx_rdev_minor);
	answer->offset = loop->offset;
	answer->size = loop->size;
	return true;
}

/* The child: nothing that others wait for is open in it, and it can wait for ever. */
static _Noreturn void ask_loops(const struct block_view *view, size_t first, int out)
{
	dup2(out, STDERR_FILENO + 1);
	syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0);
	for (size_t i = first; i < view->n_loops; i++) {
		struct answer answer = {.loop = i};
		answer.is_known =
			ask_device(&view->loops[i], &answer) || ask_name(&view->loops[i], &answer);
		if (write(STDERR_FILENO + 1, &answer, sizeof answer) != sizeof answer)
			_exit(1);
	}
	_exit(0);
}

static void take_answer(struct block_view *view, const struct answer *answer)
{
	struct block_loop *loop = &view->loops[answer->loop];

	if (!answer->is_known)
		return;
	loop->is_known = true;
	loop->file_dev = answer->dev;
	loop->file_ino = answer->ino;
	loop->file_rdev = answer->rdev;
	loop->offset = answer->offset;
	loop->size = answer->size;
}

static int milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int)(now.tv_sec % 1000000 * 1000 + now.tv_nsec / 1000000);
}

/* Answers of one child; returns the loop device that it did not come beyond. */
static size_t hear(struct block_view *view, size_t next, int in, int end)
{
	struct answer answer;

	while (next < view->n_loops) {
		struct pollfd p = {.fd = in, .events = POLLIN};
		int left = end - milliseconds();
		int n = poll(&p, 1,
			left < 0		  ? 0
			: left < ASK_MILLISECONDS ? left
						  : ASK_MILLISECONDS);
		if (n < 0 && errno == EINTR)
			continue;
		/* A record is shorter than PIPE_BUF: it comes whole. */
		if (n <= 0 || read(in, &answer, sizeof answer) != sizeof answer ||
			answer.loop != next)
			break;
		take_answer(view, &answer);
		next++;
	}
	return next;
}

static bool ask_all(struct block_view *view, char **error)
{
	int end = milliseconds() + ASK_ALL_MILLISECONDS;

	for (size_t next = 0; next < view->n_loops;) {
		int pipe_[2];
		if (pipe2(pipe_, O_CLOEXEC) < 0)
			return fail(error, "what is behind loop devices");
		pid_t child = fork();
		if (child < 0) {
			fail(error, "what is behind loop devices");
			close(pipe_[0]);
			close(pipe_[1]);
			return false;
		}
		if (child == 0)
			ask_loops(view, next, pipe_[1]);
		close(pipe_[1]);
		next = hear(view, next, pipe_[0], end);
		close(pipe_[0]);
		/* Where it waits for a file system that does not answer, it is left to it. */
		if (next < view->n_loops)
			kill(child, SIGKILL);
		waitpid(child, NULL, next < view->n_loops ? WNOHANG : 0);
		if (next < view->n_loops) {
			info("/dev/%s: not answered in time which file is behind it; sysfs names "
			     "%s",
				view->loops[next].name, view->loops[next].file);
			next++;
		}
	}
	return true;
}

static void go_by_names(struct block_view *view)
{
	for (size_t i = 0; i < view->n_loops; i++) {
		struct answer answer = {.loop = i};
		answer.is_known = ask_name(&view->loops[i], &answer);
		take_answer(view, &answer);
	}
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

static FILE *open_text(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *in = fd < 0 ? NULL : fdopen(fd, "r");

	if (fd >= 0 && !in)
		close(fd);
	return in;
}

/* "ID PARENT MAJOR:MINOR ROOT WHERE OPTIONS [FIELD]... - TYPE SOURCE OPTIONS" */
static void add_mount(struct block_view *view, char *line)
{
	struct block_mount mount = {0};
	unsigned a, b;
	char where[4096], type[64], source[4096];
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%d %*d %u:%u %*s %4095s", &mount.id, &a, &b, where) != 4 ||
		sscanf(tail, " - %63s %4095s", type, source) != 2)
		return;
	mount.dev = makedev(a, b);
	mount.where = xstrdup(unescape(where));
	mount.type = xstrdup(type);
	mount.source = xstrdup(unescape(source));
	view->mounts = xreallocarray(view->mounts, view->n_mounts + 1, sizeof *view->mounts);
	view->mounts[view->n_mounts++] = mount;
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
	view->swaps = xreallocarray(view->swaps, view->n_swaps + 1, sizeof *view->swaps);
	view->swaps[view->n_swaps++] = swap;
}

static bool read_lines(struct block_view *view, int proc, const char *path,
	void (*add)(struct block_view *, char *), char **error)
{
	cleanup_file FILE *in = open_text(proc, path);
	cleanup_free char *line = NULL;
	size_t size = 0;

	/* A kernel without swap. */
	if (!in && errno == ENOENT && add == add_swap)
		return true;
	if (!in)
		return fail(error, path);
	while (errno = 0, getline(&line, &size, in) > 0)
		add(view, line);
	return !ferror(in) || fail(error, path);
}

struct block_view *block_view_new(int sys, int proc, bool ask, char **error)
{
	struct block_view *view = xcalloc(1, sizeof *view);

	view->sys = fcntl(sys, F_DUPFD_CLOEXEC, 3);
	if (view->sys < 0)
		fail(error, "/sys");
	if (view->sys < 0 || !find_loops(view, error) || (ask && !ask_all(view, error)) ||
		!read_lines(view, proc, "self/mountinfo", add_mount, error) ||
		!read_lines(view, proc, "swaps", add_swap, error)) {
		block_view_free(view);
		return NULL;
	}
	if (!ask)
		go_by_names(view);
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
	for (size_t i = 0; i < view->n_mounts; i++) {
		free(view->mounts[i].where);
		free(view->mounts[i].source);
		free(view->mounts[i].type);
	}
	for (size_t i = 0; i < view->n_swaps; i++)
		free(view->swaps[i].path);
	if (view->sys >= 0)
		close(view->sys);
	free(view->loops);
	free(view->mounts);
	free(view->swaps);
	free(view);
}
