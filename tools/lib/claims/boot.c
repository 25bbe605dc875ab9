/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/boot.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "claims/runtime_dir.h"
#include "path/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <utmpx.h>

/* In RUNTIME_DIR. */
#define BOOT_TIME_NAME ".boot-time"
/* Two computations can be a second apart, each rounded. */
#define TOLERANCE 2

static long long seen =
	-1; /* in an attribute of libvirt's; 0: none in this boot, -1: not read yet */

static char id[BOOT_ID_LENGTH + 1]; /* empty: not read yet */

bool boot_read(char **error)
{
	static const char path[] = "/proc/sys/kernel/random/boot_id";
	char text[BOOT_ID_LENGTH + 1];

	if (id[0])
		return true;
	ssize_t n = io_read_short(AT_FDCWD, path, text, sizeof text);
	if (n < 0)
		return error_set_errno(
			error, "cannot read the boot id from %s: is /proc mounted?", path);
	if (n != BOOT_ID_LENGTH || strspn(text, "0123456789abcdef-") != BOOT_ID_LENGTH)
		return error_set(error, "cannot read the boot id from %s: is /proc mounted?", path);
	memcpy(id, text, sizeof id);
	return true;
}

const char *boot_id(void)
{
	return id;
}

/* 0 if there is no such record. */
static long long from_utmp(void)
{
	struct utmpx wanted = {.ut_type = BOOT_TIME};
	const struct utmpx *record;

	setutxent();
	record = getutxid(&wanted);
	long long time = record && record->ut_tv.tv_sec > 0 ? record->ut_tv.tv_sec : 0;
	endutxent();
	return time;
}

/* -1 and errno: it can't be read. */
static long long from_uptime(void)
{
	char text[64];

	if (io_read_short(AT_FDCWD, "/proc/uptime", text, sizeof text) <= 0)
		return -1;
	/* As llround(3) of what is positive, which would need another library. */
	long long booted = (long long)((double)time(NULL) - strtod(text, NULL) + 0.5);
	/* A clock that nobody has set begins at 0, and a host that slept was booted before that. */
	return booted > 0 ? booted : 1;
}

/* RUNTIME_DIR, where nobody but root can have put a file or a directory; -1: there is none so. */
static int open_runtime(void)
{
	struct stat st;
	cleanup_fd int fd = open(RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || !roots_has_alone(fd, &st))
		return -1;
	return steal_fd(&fd);
}

/*
 * What was seen, in this boot, by an earlier call; 0 if nothing was. Which boot that was is
 * told by the boot's id and not by the time, since the clock can have been set meanwhile; -1:
 * that can't be told.
 */
static long long from_file(void)
{
	cleanup_free char *ignored = NULL;
	char text[BOOT_ID_LENGTH + 32] = "";
	struct stat st;
	cleanup_fd int dir = open_runtime();
	cleanup_fd int fd = dir < 0 ? -1
				    : openat(dir, BOOT_TIME_NAME,
					      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0 || !roots_has_alone(fd, &st) ||
		read(fd, text, sizeof text - 1) <= 0)
		return 0;
	if (!boot_read(&ignored))
		return -1;
	if (strncmp(text, boot_id(), BOOT_ID_LENGTH) != 0 || text[BOOT_ID_LENGTH] != ' ')
		return 0;
	char *end;
	long long time = strtoll(text + BOOT_ID_LENGTH + 1, &end, 10);
	return time > 0 && time < LLONG_MAX && strcmp(end, "\n") == 0 ? time : 0;
}

/* As from_file(). */
static long long last_seen(void)
{
	if (seen < 0)
		seen = from_file();
	return seen;
}

static bool is_near(long long a, long long b)
{
	return b > 0 && llabs(a - b) <= TOLERANCE;
}

int boot_time_matches(long long time)
{
	static long long utmp, uptime;

	if (uptime <= 0) {
		utmp = from_utmp();
		uptime = from_uptime();
	}
	if (is_near(time, utmp) || is_near(time, uptime) || is_near(time, last_seen()))
		return 1;
	return uptime < 0 || last_seen() < 0 ? -1 : 0;
}

long long boot_time(char **error)
{
	static long long current;

	if (last_seen() > 0)
		return last_seen();
	if (current <= 0)
		current = from_utmp();
	if (current == 0)
		current = from_uptime();
	if (current < 0)
		error_set_errno(error, "cannot read /proc/uptime");
	return current;
}

void boot_time_seen(long long time)
{
	static const char temporary[] = BOOT_TIME_NAME ".new";
	char text[BOOT_ID_LENGTH + 32];

	if (time == last_seen())
		return;
	seen = time;
	/* Only a help: without the file, the next one that is seen serves as well. */
	cleanup_free char *error = NULL;
	if (!boot_read(&error))
		return;
	cleanup_fd int dir = runtime_dir_open(&error);
	if (dir < 0)
		return;
	unlinkat(dir, temporary, 0);
	cleanup_fd int fd =
		openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int n = snprintf(text, sizeof text, "%s %lld\n", boot_id(), time);
	if (fd >= 0 && write(fd, text, (size_t)n) == n)
		renameat(dir, temporary, dir, BOOT_TIME_NAME);
}
