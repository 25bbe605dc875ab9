/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/image_locks.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/lockers.h"

#include <fcntl.h>

/* RAW_LOCK_PERM_BASE, RAW_LOCK_SHARED_BASE, and bits of BLK_PERM_*. */
#define USES 100
#define KEEPS 200
#define READ 0
#define WRITE 1

static bool is_locked(int fd, off_t byte)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

char *image_locks_why_not(const struct safepath *walk, bool writes, bool shared)
{
	if (!S_ISREG(walk->st.st_mode) && !S_ISBLK(walk->st.st_mode))
		return NULL;
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	bool is_written = !shared && is_locked(fd, USES + WRITE);
	if (!is_written && !is_locked(fd, KEEPS + READ) &&
		!(writes && is_locked(fd, KEEPS + WRITE)))
		return NULL;
	pid_t pid;
	cleanup_free char *who = lockers_name(&walk->st, LOCKERS_IMAGE, &pid);
	if (!who)
		return NULL;
	return xasprintf("locked by %s, which %s it; QEMU would not get a lock; stop that process",
		who, is_written ? "writes to" : "reads");
}
