/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/ask.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Between two attempts to connect. */
#define RETRY_MS 50
/* Of what QEMU says: far more than a monitor does while its guest powers down. */
#define MAX_HEARD ((size_t)1024 * 1024)

long long ask_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int ask_left(long long end)
{
	long long left = end - ask_now();

	errno = ETIMEDOUT;
	return left <= 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Throws away what is said, as long as it is not too much: the rest is left to lie there, and its
 * speaker to wait. False: nothing more is to be heard. */
static bool hear(int fd, size_t *heard)
{
	char bytes[4096];
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	*heard += (size_t)n;
	return n > 0 && *heard < MAX_HEARD;
}

bool ask_wait(int process, int fd, long long end)
{
	struct pollfd polled[] = {{process, POLLIN, 0}, {fd, POLLIN, 0}};
	size_t heard = 0;
	int left;

	while ((left = ask_left(end)) > 0) {
		int result = poll(polled, 2, left);
		if (result < 0 && errno != EINTR)
			return false;
		if (result <= 0)
			continue;
		if (polled[0].revents)
			return true;
		if (polled[1].revents && !hear(polled[1].fd, &heard))
			polled[1].fd = -1;
	}
	return false;
}

/*
 * connect(2), but for no longer than that: it waits while too many others do (unix(7)), and
 * tells so at once by EAGAIN where it must not. There is nothing to poll for then but the end of
 * the process.
 */
static bool connect_until(int fd, const char *path, int process, long long end)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd polled = {process, POLLIN, 0};

	memcpy(address.sun_path, path, strlen(path) + 1);
	while (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return false;
		int left = ask_left(end);
		if (left == 0)
			return false;
		if (poll(&polled, 1, left < RETRY_MS ? left : RETRY_MS) > 0) {
			errno = ESRCH;
			return false;
		}
	}
	return true;
}

/* Waits for QEMU to greet, which it does first; it is not looked at what it says. */
static bool greet(int fd, long long end)
{
	struct pollfd polled = {fd, POLLIN, 0};
	char bytes[4096];
	int left;

	while ((left = ask_left(end)) > 0) {
		int result = poll(&polled, 1, left);
		if (result > 0) {
			/* The end of what is said is no error by itself. */
			errno = ECONNRESET;
			return read(fd, bytes, sizeof bytes) > 0;
		}
		if (result < 0 && errno != EINTR)
			return false;
	}
	return false;
}

bool ask_power_down(int fd, const char *path, bool is_qmp, int process, long long end)
{
	/* The answers are of a process that a guest may have taken over: nothing is read of them.
	 */
	static const char qmp[] =
		"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n";
	static const char human[] = "system_powerdown\n";
	const char *request = is_qmp ? qmp : human;

	return fd >= 0 && connect_until(fd, path, process, end) && greet(fd, end) &&
	       send(fd, request, strlen(request), MSG_NOSIGNAL) >= 0;
}
