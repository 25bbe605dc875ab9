/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock appears by link(2), with the process id in it from the beginning: an empty one would be
 * nobody's for shadow-utils, and in their way for good. What is linked has one name for all, so
 * that there is no more than one of what killed processes have left; whoever writes it holds
 * flock(2).
 */
#include "conf/shadow_lock.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 300
#define PAUSE_US 100000

static char *lock_of(const char *path)
{
	return xasprintf("%s.lock", path);
}

/* The file that becomes the lock. */
static char *own_of(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return xasprintf("%.*s.%s.lock.virt-priv-conf", (int)(name - path), path, name);
}

/* 1: *fd is the file, flocked, and still there; 0: another process has it; -1 and errno. */
static int try_own(const char *own, int *fd)
{
	struct stat ours, now;

	*fd = open(own, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return -1;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0 && fstat(*fd, &ours) == 0 && lstat(own, &now) == 0 &&
		now.st_ino == ours.st_ino)
		return 1;
	close(*fd);
	*fd = -1;
	return errno == EWOULDBLOCK || errno == ENOENT ? 0 : -1;
}

static bool write_pid(int fd)
{
	cleanup_free char *pid = xasprintf("%d", getpid());

	return ftruncate(fd, 0) == 0 && io_write_all(fd, pid, strlen(pid) + 1);
}

/* Removes a lock whose process has ended. Who has it otherwise; 0: that can't be told. */
static pid_t break_lock(const char *lock)
{
	char text[32];
	char *end;

	if (io_read_short(AT_FDCWD, lock, text, sizeof text) <= 0)
		return 0;
	long pid = strtol(text, &end, 10);
	if (pid <= 0 || end == text)
		return 0;
	/* Its number can be ours by now, who never have two. */
	if (pid == getpid() || (kill((pid_t)pid, 0) < 0 && errno == ESRCH))
		unlink(lock);
	return (pid_t)pid;
}

/* 1: the lock is ours; 0: another has it, *holder; -1 and errno. */
static int try_lock(const char *own, const char *lock, pid_t *holder)
{
	cleanup_fd int fd = -1;
	int found = try_own(own, &fd);

	if (found <= 0)
		return found;
	found = 1;
	if (!write_pid(fd))
		found = -1;
	else if (link(own, lock) < 0)
		found = errno == EEXIST ? 0 : -1;
	int number = errno;
	if (found == 0)
		*holder = break_lock(lock);
	if (unlink(own) < 0 && found >= 0) {
		number = errno;
		if (found > 0)
			unlink(lock);
		found = -1;
	}
	errno = number;
	return found;
}

bool shadow_lock(const char *path, char **error)
{
	cleanup_free char *lock = lock_of(path);
	cleanup_free char *own = own_of(path);
	pid_t holder = 0;
	int found = 0;

	for (int i = 0; i < ATTEMPTS && found == 0; i++) {
		if (i > 0)
			usleep(PAUSE_US);
		found = try_lock(own, lock, &holder);
	}
	if (found < 0)
		return error_set_errno(
			error, "%s is unchanged: cannot make its lock %s of %s", path, lock, own);
	if (found == 0 && holder > 0)
		return error_set(error,
			"%s is unchanged: process %d has locked it for 30 s, by %s; end it, then "
			"try again",
			path, holder, lock);
	if (found == 0)
		return error_set(error,
			"%s is unchanged: the lock %s is there, and names no process; remove it "
			"unless useradd or usermod is running",
			path, lock);
	return true;
}

bool shadow_unlock(const char *path, char **error)
{
	cleanup_free char *lock = lock_of(path);

	return unlink(lock) == 0 || error_set_errno(error, "cannot remove the lock %s", lock);
}
