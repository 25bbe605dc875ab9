/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/pool_lock.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/runtime_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *name_of(uid_t id)
{
	return xasprintf(RUNTIME_ID "%u", id);
}

/* 1: the file has the name now; 0: it has not; -1 and errno. */
static int is_named(int runtime, const char *name, int lock)
{
	struct stat ours, now;

	if (fstat(lock, &ours) < 0)
		return -1;
	if (fstatat(runtime, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	return now.st_ino == ours.st_ino && now.st_dev == ours.st_dev;
}

int pool_lock(int runtime, uid_t id, bool make, char **error)
{
	cleanup_free char *name = name_of(id);
	int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | (make ? O_CREAT : 0);

	*error = NULL;
	for (;;) {
		cleanup_fd int fd = openat(runtime, name, flags, 0600);
		if (fd < 0 && errno == ENOENT && !make)
			return -1;
		if (fd < 0) {
			error_set_errno(error, "cannot open the lock " RUNTIME_DIR "/%s", name);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno != EWOULDBLOCK)
				error_set_errno(error, "cannot lock " RUNTIME_DIR "/%s", name);
			return -1;
		}
		/* Whoever had it before may have taken the file away meanwhile. */
		int named = is_named(runtime, name, fd);
		if (named > 0)
			return steal_fd(&fd);
		if (named < 0) {
			error_set_errno(error, "cannot examine the lock " RUNTIME_DIR "/%s", name);
			return -1;
		}
	}
}

bool pool_is_locked(uid_t id)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/" RUNTIME_ID "%u", id);
	cleanup_fd int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

bool pool_lock_give(int lock, uid_t id, const char *name, char **error)
{
	cleanup_free char *text = xasprintf("%s\n", name);

	/* Longer than nothing at each moment: what an earlier VM has left is not forgotten. */
	return (io_write_all_at(lock, text, strlen(text), 0) &&
		       IO_RETRY(ftruncate(lock, (off_t)strlen(text))) == 0) ||
	       error_set_errno(error, "cannot write the lock " RUNTIME_DIR "/" RUNTIME_ID "%u", id);
}

bool pool_lock_is_given(int lock)
{
	struct stat st;

	return fstat(lock, &st) < 0 || st.st_size > 0;
}

bool pool_lock_remove(int runtime, uid_t id, int lock)
{
	cleanup_free char *name = name_of(id);

	/* An admin has removed it, and since then another start has made one. */
	if (is_named(runtime, name, lock) == 0)
		return true;
	if (unlinkat(runtime, name, 0) == 0 || errno == ENOENT)
		return true;
	warn_errno("cannot remove " RUNTIME_DIR "/%s", name);
	return false;
}
