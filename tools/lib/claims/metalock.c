/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/metalock.h"

#include "base/cleanup.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* METADATA_OFFSET and METADATA_LEN of libvirt's src/security/security_manager.c. */
#define LOCK_START 1
#define LOCK_LENGTH 1

static bool try_lock(int file, short type)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_START, .l_len = LOCK_LENGTH};
	int result, tries = 3;

	do
		result = fcntl(file, F_OFD_SETLK, &lock);
	while (result < 0 && errno == EINTR && --tries);
	return result == 0;
}

static bool is_busy(void)
{
	return errno == EAGAIN || errno == EACCES;
}

enum metalock metalock_take(int fd, bool past_leases, int *out)
{
	cleanup_fd int file = safepath_reopen(fd, O_RDWR | O_NONBLOCK);
	bool writable = file >= 0;

	*out = -1;
	if (!writable && errno == EWOULDBLOCK && past_leases)
		file = safepath_reopen(fd, O_RDONLY | O_NONBLOCK);
	if (file < 0)
		return errno == EWOULDBLOCK ? METALOCK_LEASED : METALOCK_FAILED;
	if (!(writable && try_lock(file, F_WRLCK))) {
		if (writable && !is_busy())
			return METALOCK_FAILED;
		if (!try_lock(file, F_RDLCK))
			return is_busy() ? METALOCK_BUSY : METALOCK_FAILED;
	}
	*out = steal_fd(&file);
	return METALOCK_TAKEN;
}
