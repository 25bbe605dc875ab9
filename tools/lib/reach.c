/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reach.h"

#include "cleanup.h"
#include "log.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Those that did not answer, by their mounts' ids. */
static unsigned long long *silent;
static size_t n_silent;

/* One descriptor, or none, and a number. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

_Noreturn static void answer(int to, int (*ask)(const char *arg), const char *arg)
{
	union control control = {0};
	int number;
	struct iovec data = {&number, sizeof number};
	struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};

	/* No lock, and nothing that somebody waits for the end of, stays with it. */
	if (dup2(to, 3) < 0 || syscall(SYS_close_range, 4U, ~0U, 0U) < 0)
		_exit(1);
	int fd = ask(arg);
	number = fd < 0 ? errno : 0;
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	}
	_exit(sendmsg(3, &message, MSG_NOSIGNAL) < 0);
}

/* Milliseconds that are left until then, by a clock that nobody sets. */
static int left_until(const struct timespec *end)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	long long left =
		(end->tv_sec - now.tv_sec) * 1000LL + (end->tv_nsec - now.tv_nsec) / 1000000;
	return left > 0 ? (int)left : 0;
}

/* Whether there is an answer in time, or none can come any more. */
static bool wait_for(int from)
{
	struct pollfd answered = {.fd = from, .events = POLLIN};
	struct timespec end;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += REACH_SECONDS;
	do
		result = poll(&answered, 1, left_until(&end));
	while (result < 0 && errno == EINTR);
	return result > 0;
}

static bool receive(int from, int *fd)
{
	union control control = {0};
	int number = 0;
	struct iovec data = {&number, sizeof number};
	struct msghdr message = {.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};

	ssize_t n = recvmsg(from, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n != (ssize_t)sizeof number) {
		errno = n < 0 ? errno : ECHILD;
		return false;
	}
	const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS && number == 0)
		memcpy(fd, CMSG_DATA(header), sizeof *fd);
	errno = number;
	return true;
}

bool reach_ask(int (*ask)(const char *arg), const char *arg, int *fd)
{
	int ends[2];

	*fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return false;
	cleanup_fd int from = ends[0];
	pid_t child = fork();
	if (child == 0)
		answer(ends[1], ask, arg);
	int number = errno;
	close(ends[1]);
	errno = number;
	if (child < 0)
		return false;
	bool in_time = wait_for(from);
	bool answered = in_time && receive(from, fd);
	number = in_time ? errno : ETIMEDOUT;
	if (!in_time)
		kill(child, SIGKILL);
	/* What waits in the kernel may not end even so: nobody waits for that. */
	while (waitpid(child, NULL, in_time ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
	errno = number;
	return answered;
}

static int open_way(const char *path, unsigned long long resolve)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = resolve};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

/* The kernel can know the name still: whether it answers is told by what it has to be asked for. */
static int open_any(const char *path)
{
	struct statx stx;
	int fd = open_way(path, RESOLVE_NO_MAGICLINKS);

	if (fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_FORCE_SYNC,
			       STATX_BASIC_STATS | STATX_BTIME, &stx) < 0)
		return -1;
	return fd;
}

static bool is_silent(const struct mount *mount)
{
	for (size_t i = 0; i < n_silent; i++)
		if (silent[i] == mount->id)
			return true;
	return false;
}

int reach_open(const char *path)
{
	const struct mount *mount = mounts_on_way(path);
	unsigned long long id = mount ? mount->id : 0;
	int fd;

	if (mount && is_silent(mount)) {
		errno = ETIMEDOUT;
		return -1;
	}
	/*
	 * Where a directory of the path is a symbolic link now, nothing tells beforehand where
	 * that leads.
	 */
	if (!mount) {
		fd = open_way(path, RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
		if (fd >= 0 || errno != ELOOP)
			return fd;
	}
	if (!reach_ask(open_any, path, &fd) && errno == ETIMEDOUT && id) {
		silent = xreallocarray(silent, n_silent + 1, sizeof *silent);
		silent[n_silent++] = id;
		errno = ETIMEDOUT;
	}
	return fd;
}

bool reach_stat(int fd, struct stat *st)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		    STATX_TYPE | STATX_INO, &stx) < 0)
		return false;
	*st = (struct stat){.st_mode = stx.stx_mode,
		.st_ino = stx.stx_ino,
		.st_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor)};
	return true;
}
