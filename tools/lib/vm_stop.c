/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm_stop.h"

#include "cleanup.h"
#include "log.h"
#include "vm_runtime.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: there are bytes, which are thrown away; 0: the other end is gone; -1: the time is over. */
static int wait_for_bytes(int fd, long long end)
{
	char bytes[4096];
	struct pollfd polled = {fd, POLLIN, 0};

	for (;;) {
		long long left = end - now();
		int result = left > 0 ? poll(&polled, 1, (int)left) : 0;
		if (result < 0 && errno == EINTR)
			continue;
		if (result <= 0)
			return -1;
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		return n > 0;
	}
}

bool vm_stop(const char *name, unsigned seconds)
{
	/* The answers are of a process that a guest may have taken over: nothing is read of them.
	 */
	static const char request[] =
		"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_free char *path = vm_control_socket(name);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long long end = now() + (long long)seconds * 1000;
	int result;

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		warn_errno("can't ask the VM %s to stop by %s", name, path);
		return false;
	}
	/* QEMU greets first. */
	if ((result = wait_for_bytes(fd, end)) > 0 &&
		send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
		warn_errno("can't ask the VM %s to stop by %s", name, path);
		return false;
	}
	while (result > 0)
		result = wait_for_bytes(fd, end);
	if (result < 0)
		warn("the VM %s has not ended within %u s", name, seconds);
	return result == 0;
}
