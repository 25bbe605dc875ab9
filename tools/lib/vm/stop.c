/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/stop.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/holder.h"
#include "claims/journal.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_ids.h"
#include "vm/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* Between two attempts to connect. */
#define RETRY_MS 50
/* Between the end of QEMU's sockets and its own. */
#define MOMENT_MS 500
/* Of what QEMU says: far more than a monitor does while its guest powers down. */
#define MAX_HEARD ((size_t)1024 * 1024)

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Whether the claim has a holder that lives; else a new message: the VM is as ended, or why not. */
static bool is_held(const struct journal *journal, const char *ended, char **error)
{
	*error = NULL;
	enum claims_hold hold = claims_hold(journal, error);

	if (hold == CLAIMS_HELD && journal->holder)
		return true;
	if (hold != CLAIMS_UNKNOWN)
		*error = xasprintf("VM '%s' %s", journal->name, ended);
	return false;
}

/* QEMU's process, by the claim that it holds; -1 and a new message: there is none. */
static int hold_process(const char *name, char **error)
{
	struct journal *journal;
	int fd = -1;

	if (!journal_lock(true, error))
		return -1;
	if (!journal_read(name, &journal, error))
		journal = NULL;
	else if (!journal)
		*error = xasprintf("VM '%s' is not running", name);
	else if (is_held(journal, "is not running", error) &&
		 (fd = (int)syscall(SYS_pidfd_open, journal->holder, 0)) < 0)
		*error = xasprintf("cannot open a pidfd of process %d of VM '%s': %s",
			journal->holder, name, strerror(errno));
	/* The number could have become another process's before it was held. */
	if (fd >= 0 && !is_held(journal, "has just exited", error)) {
		close(fd);
		fd = -1;
	}
	journal_free(journal);
	journal_unlock();
	return fd;
}

static void print_entry(const struct entry *e)
{
	cleanup_free char *path = log_escape(e->path);

	if (e->kind == ENTRY_OWNER)
		printf("restore %s (owner %u:%u, mode %04o)\n", path, e->old_uid, e->old_gid,
			e->mode & 07777);
	else
		printf("revoke access of %u to %s\n", e->new_uid, path);
}

/* What an isolated VM has beside its claims. */
static bool print_isolated(const char *name, char **error)
{
	cleanup_free struct runtime_id *ids = NULL;
	size_t n;

	if (!runtime_ids_read(&ids, &n, error))
		return false;
	for (size_t i = 0; i < n; i++)
		if (strcmp(ids[i].name, name) == 0)
			printf("end processes of uid %u\nremove " RUNTIME_DIR "/" RUNTIME_ID "%u\n",
				ids[i].id, ids[i].id);
	return true;
}

bool vm_stop_report(const char *name, unsigned seconds, char **error)
{
	cleanup_free char *path = vm_control_socket(name);
	struct journal *journal;

	if (!journal_lock(false, error))
		return false;
	bool good = journal_read(name, &journal, error);
	if (good && !journal) {
		error_set(error, "VM '%s' is not running", name);
		good = false;
	}
	good = good && is_held(journal, "is not running", error);
	if (good) {
		printf("stop %s (process %d, through %s, within %u s)\n", name, journal->holder,
			path, seconds);
		for (size_t i = 0; i < journal->n_entries; i++)
			print_entry(&journal->entries[i]);
		good = print_isolated(name, error);
		journal_free(journal);
	}
	journal_unlock();
	return good;
}

/*
 * The milliseconds that are left, for poll(2), never less than 0, which would have it wait for
 * ever; and errno, should they be gone.
 */
static int left_until(long long end)
{
	long long left = end - now();

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

/* Whether the process ends before that time, or errno says why not. */
static bool wait_for_end(int process, int fd, long long end)
{
	struct pollfd polled[] = {{process, POLLIN, 0}, {fd, POLLIN, 0}};
	size_t heard = 0;
	int left;

	while ((left = left_until(end)) > 0) {
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
		int left = left_until(end);
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

	while ((left = left_until(end)) > 0) {
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

/* Asks it by its control socket to power down. False and errno: it could not be. */
static bool ask(int fd, const char *path, int process, long long end)
{
	/* The answers are of a process that a guest may have taken over: nothing is read of them.
	 */
	static const char request[] =
		"{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"system_powerdown\"}\n";

	return fd >= 0 && connect_until(fd, path, process, end) && greet(fd, end) &&
	       send(fd, request, sizeof request - 1, MSG_NOSIGNAL) >= 0;
}

/* Why it could not be asked. */
static char *why_not_asked(const char *name, const char *path, int number)
{
	/* There is a VM, and its claim was not made for --vm. */
	if (number == ENOENT)
		return xasprintf("VM '%s': cannot connect to its control socket %s: %s; only a VM "
				 "that --vm started has one; stop this one through its own monitor",
			name, path, strerror(number));
	return xasprintf("VM '%s': cannot ask it to power down through %s: %s", name, path,
		strerror(number));
}

/* What virt-priv-run holds until all that the VM had is given back; -1: nothing. */
static int open_lock(const char *name)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/.%s.lock", name);

	return open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Waits for that: the disks, what is mounted, and an isolated VM's id. A virt-priv-run that was
 * killed holds nothing any more.
 */
static bool wait_for_release(const char *name, int lock, long long end, char **error)
{
	const struct timespec pause = {0, RETRY_MS * 1000000L};

	while (lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error,
				"VM '%s' has exited; cannot determine whether it was released",
				name);
		if (left_until(end) == 0)
			return error_set(error,
				"VM '%s' has exited, but virt-priv-run has not released its files "
				"yet; see virt-priv-chown status",
				name);
		nanosleep(&pause, NULL);
	}
	return true;
}

bool vm_stop(const char *name, unsigned seconds, char **error)
{
	cleanup_free char *path = vm_control_socket(name);
	cleanup_fd int lock = open_lock(name);
	cleanup_fd int process = hold_process(name, error);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	long long end = now() + (long long)seconds * 1000;

	if (process < 0)
		return false;
	if (!ask(fd, path, process, end)) {
		int number = errno;
		/* One that ends has let go of its socket a moment before. */
		if (number != ETIMEDOUT && wait_for_end(process, -1, now() + MOMENT_MS))
			return wait_for_release(name, lock, end, error);
		*error = why_not_asked(name, path, number);
		return false;
	}
	if (wait_for_end(process, fd, end))
		return wait_for_release(name, lock, end, error);
	if (errno == ETIMEDOUT)
		*error = xasprintf("VM '%s' has not exited within %u s", name, seconds);
	else
		*error = xasprintf("cannot wait until VM '%s' exits: %s", name, strerror(errno));
	return false;
}
