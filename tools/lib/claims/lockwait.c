/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/lockwait.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/journal_lock.h"
#include "claims/metalock.h"
#include "path/lockers.h"
#include "path/open_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define POLL_NANOSECONDS (10 * 1000 * 1000)

struct lockwait_file {
	char *path;
	int fd; /* O_PATH */
	bool past_leases;
	bool lease; /* it is what was waited for last */
};

static void drop(struct lockwait_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		close(list->all[i].fd);
		free(list->all[i].path);
	}
	free(list->all);
	*list = (struct lockwait_list){0};
}

static bool has(const struct lockwait_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->all[i].path, path) == 0)
			return true;
	return false;
}

/* Takes all of it. */
static void put(struct lockwait_list *list, struct lockwait_file waited)
{
	list->all = xreallocarray(list->all, list->n + 1, sizeof *list->all);
	list->all[list->n++] = waited;
}

void lockwait_end(struct lockwait *waits)
{
	drop(&waits->waiting);
	drop(&waits->due);
	*waits = (struct lockwait){0};
}

bool lockwait_add(struct lockwait *waits, int fd, const char *path, bool past_leases, char **error)
{
	if (has(&waits->waiting, path))
		return true;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return error_set_errno(error,
			"cannot keep %s open; raise the limit of open files (ulimit -n)", path);
	put(&waits->waiting, (struct lockwait_file){xstrdup(path), copy, past_leases, false});
	return true;
}

bool lockwait_due(const struct lockwait *waits, const char *path)
{
	return !waits->is_later_round || has(&waits->due, path);
}

static bool is_time_up(struct lockwait *waits)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!waits->deadline.tv_sec) {
		waits->deadline = now;
		waits->deadline.tv_sec += LOCKWAIT_SECONDS;
	}
	return now.tv_sec > waits->deadline.tv_sec ||
	       (now.tv_sec == waits->deadline.tv_sec && now.tv_nsec >= waits->deadline.tv_nsec);
}

/* An error is no reason to wait: the next round has it again, and says what it is. */
static bool is_free(struct lockwait_file *waited)
{
	int file;
	enum metalock result = metalock_take(waited->fd, waited->past_leases, &file);

	if (file >= 0)
		close(file);
	if (result == METALOCK_BUSY || result == METALOCK_LEASED)
		waited->lease = result == METALOCK_LEASED;
	return result != METALOCK_BUSY && (result != METALOCK_LEASED || waited->past_leases);
}

static void say_who(const struct lockwait_file *waited)
{
	struct stat st = {0};
	pid_t pid;

	fstat(waited->fd, &st);
	cleanup_free char *who =
		lockers_name(&st, waited->lease ? LOCKERS_LEASE : LOCKERS_METADATA, &pid);
	cleanup_free char *end =
		pid ? xasprintf("terminate it (kill %d)", pid) : xstrdup("terminate it");

	if (waited->lease)
		warn("%s: %s has a lease on it (fcntl(2)), which the kernel breaks after "
		     "/proc/sys/fs/lease-break-time seconds: try again then, or %s first",
			waited->path, who, end);
	else
		warn("%s: %s has held libvirt's metadata lock on it for more than %d s; %s, or "
		     "wait until it is released, then try again",
			waited->path, who, LOCKWAIT_SECONDS, end);
}

/* Until all of the list is free, or the time is up. */
static void wait_for_all(struct lockwait *waits)
{
	const struct timespec pause = {.tv_nsec = POLL_NANOSECONDS};
	size_t i = 0;

	while (i < waits->waiting.n) {
		if (is_free(&waits->waiting.all[i]))
			i++;
		else if (is_time_up(waits))
			return;
		else
			nanosleep(&pause, NULL);
	}
}

/* What is free is due; what is not is reported. Returns whether all is free. */
static bool sort_waiting(struct lockwait *waits, bool is_last)
{
	bool good = true;

	drop(&waits->due);
	for (size_t i = 0; i < waits->waiting.n; i++) {
		struct lockwait_file *waited = &waits->waiting.all[i];
		/* That tells, too, what stands in the way. */
		if (is_free(waited) && !is_last) {
			put(&waits->due, *waited);
			continue;
		}
		say_who(waited);
		good = false;
		close(waited->fd);
		free(waited->path);
	}
	free(waits->waiting.all);
	waits->waiting = (struct lockwait_list){0};
	return good;
}

bool lockwait_again(struct lockwait *waits, bool *good, char **error)
{
	*error = NULL;
	if (waits->waiting.n == 0)
		return false;
	/* What is free only now and then must not be waited for again and again. */
	bool is_last = is_time_up(waits);
	journal_unlock();
	if (!is_last)
		wait_for_all(waits);
	*good = sort_waiting(waits, is_last) && *good;
	waits->is_later_round = true;
	/* Who had it open may have ended. */
	open_files_forget();
	if (journal_lock(true, error))
		return waits->due.n > 0;
	*good = false;
	return false;
}
