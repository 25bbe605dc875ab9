/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm_stop.h"

#include "claims.h"
#include "cleanup.h"
#include "journal.h"
#include "log.h"
#include "vm_runtime.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether the claim has a holder that lives; says that the VM is as ended, or why it can't be told.
 */
static bool is_held(const struct journal *journal, const char *ended)
{
	cleanup_free char *error = NULL;
	enum claims_hold hold = claims_hold(journal, &error);

	if (hold == CLAIMS_UNKNOWN)
		warn("%s", error);
	else if (hold == CLAIMS_ABANDONED || !journal->holder)
		warn("the VM %s %s", journal->name, ended);
	return hold == CLAIMS_HELD && journal->holder;
}

/* QEMU's process, by the claim that it holds; -1 and a message said: there is none. */
static int hold_process(const char *name)
{
	cleanup_free char *error = NULL;
	struct journal *journal;
	int fd = -1;

	journal_lock(true);
	if (!journal_read(name, &journal, &error))
		warn("%s", error);
	else if (!journal)
		warn("the VM %s does not run", name);
	else if (is_held(journal, "does not run") &&
		 (fd = (int)syscall(SYS_pidfd_open, journal->holder, 0)) < 0)
		warn_errno("can't hold process %d of the VM %s", journal->holder, name);
	/* The number could have become another process's before it was held. */
	if (fd >= 0 && !is_held(journal, "has just ended")) {
		close(fd);
		fd = -1;
	}
	journal_free(journal);
	journal_unlock();
	return fd;
}

/* Whether the process ends before that time, or errno says why not; what is said on the socket is
 * thrown away. */
static bool wait_for_end(int process, int fd, long long end)
{
	struct pollfd polled[] = {{process, POLLIN, 0}, {fd, POLLIN, 0}};
	char bytes[4096];

	for (;;) {
		long long left = end - now();
		int result = left > 0 ? poll(polled, 2, (int)left) : 0;
		if (result < 0 && errno == EINTR)
			continue;
		if (result == 0)
			errno = ETIMEDOUT;
		if (result <= 0)
			return false;
		if (polled[0].revents)
			return true;
		if (polled[1].revents && read(fd, bytes, sizeof bytes) <= 0)
			polled[1].fd = -1;
	}
}

/* Connects, and waits for QEMU to greet, which it does first. */
static bool greet(int fd, const char *path, long long end)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct pollfd polled = {fd, POLLIN, 0};
	char bytes[4096];

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return false;
	while (now() < end) {
		int result = poll(&polled, 1, (int)(end - now()));
		if (result > 0) {
			/* The end of what is said is no error by itself. */
			errno = ECONNRESET;
			return read(fd, bytes, sizeof bytes) > 0;
		}
		if (result < 0 && errno != EINTR)
			return false;
	}
	errno = ETIMEDOUT;
	return false;
}

bool vm_stop(const char *name, unsigned seconds)
{
	/* The answers are of a process that a guest may have taken over: nothing is read of them.
	 */
	static const char request[] =
		"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n";
	cleanup_free char *path = vm_control_socket(name);
	cleanup_fd int process = hold_process(name);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long long end = now() + (long long)seconds * 1000;

	if (process < 0)
		return false;
	if (fd < 0 || !greet(fd, path, end) ||
		send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
		warn_errno("can't ask the VM %s to stop by %s", name, path);
		return false;
	}
	if (wait_for_end(process, fd, end))
		return true;
	if (errno == ETIMEDOUT)
		warn("the VM %s has not ended within %u s", name, seconds);
	else
		warn_errno("can't wait for the end of the VM %s", name);
	return false;
}
