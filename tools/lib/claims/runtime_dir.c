/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/runtime_dir.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MODE 0755
/* As many as could have been mounted above each other by starts that were killed. */
#define MAX_MOUNTS 16
/* Recover has a name for as long as it takes to unmount a directory. */
#define START_WAIT_MS 1000
#define PAUSE_MS 20

int runtime_dir_open(char **error)
{
	struct stat st;

	if (mkdir(RUNTIME_DIR, MODE) < 0 && errno != EEXIST) {
		*error = xasprintf(
			"cannot create the directory " RUNTIME_DIR ": %s", strerror(errno));
		return -1;
	}
	cleanup_fd int fd = open(RUNTIME_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		*error =
			xasprintf("cannot open the directory " RUNTIME_DIR ": %s", strerror(errno));
		return -1;
	}
	cleanup_free char *why = roots_why_not(fd, &st, RUNTIME_DIR, "look into it", NULL);
	if (why) {
		*error = xasprintf("cannot trust the directory " RUNTIME_DIR
				   ": writable by users other than root: %s",
			why);
		return -1;
	}
	/* A umask of 077 has made it for root alone. */
	if ((st.st_mode & MODE) != MODE && fchmod(fd, MODE) < 0) {
		*error = xasprintf("cannot set the mode of the directory " RUNTIME_DIR ": %s",
			strerror(errno));
		return -1;
	}
	return steal_fd(&fd);
}

bool runtime_dir_fits(const char *name)
{
	static const char suffix[] = ".qmp";
	size_t length = strlen(name);

	return length < sizeof suffix || strcmp(name + length - (sizeof suffix - 1), suffix) != 0;
}

/* Locks it; a recover that looks after what was left there is waited for. */
static int lock_name(int fd, bool starts)
{
	const struct timespec pause = {0, PAUSE_MS * 1000000L};
	int result;

	for (int waited = 0; (result = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK &&
			     starts && waited < START_WAIT_MS;
		waited += PAUSE_MS)
		nanosleep(&pause, NULL);
	return result;
}

int runtime_dir_take(int runtime, const char *name, bool starts, char **error)
{
	cleanup_free char *lock = xasprintf(".%s.lock", name);
	struct stat ours, now;

	for (;;) {
		cleanup_fd int fd =
			openat(runtime, lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 || fstat(fd, &ours) < 0) {
			*error = xasprintf("cannot open the lock " RUNTIME_DIR "/%s: %s", lock,
				strerror(errno));
			return -1;
		}
		if (lock_name(fd, starts) < 0) {
			int number = errno;
			*error = number == EWOULDBLOCK
					 ? xasprintf("VM '%s' is running, or being released; to "
						     "use another name: --name",
						   name)
					 : xasprintf("cannot lock " RUNTIME_DIR "/%s: %s", lock,
						   strerror(number));
			errno = number;
			return -1;
		}
		/* Whoever had it before may have taken the file away meanwhile. */
		if (fstatat(runtime, lock, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
			now.st_ino == ours.st_ino)
			return steal_fd(&fd);
	}
}

int runtime_dir_is_taken(const char *name)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/.%s.lock", name);
	cleanup_fd int fd = IO_RETRY(open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (IO_RETRY(flock(fd, LOCK_SH | LOCK_NB)) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : -1;
}

void runtime_dir_let_go(const char *name)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/.%s.lock", name);

	if (unlink(path) < 0 && errno != ENOENT)
		warn_errno("cannot remove %s", path);
}

bool runtime_dir_remove(int runtime, const char *name)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/%s", name);

	for (int i = 0; i < MAX_MOUNTS; i++) {
		if (unlinkat(runtime, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return true;
		if (errno != EBUSY || umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return false;
	}
	return false;
}
