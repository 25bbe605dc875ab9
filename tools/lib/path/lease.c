/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/lease.h"

#include "base/cleanup.h"
#include "path/safepath.h"

#include <fcntl.h>
#include <signal.h>

bool lease_is_granted(int fd)
{
	cleanup_fd int file = safepath_reopen(fd, O_RDONLY | O_NONBLOCK);

	/* Who opens it meanwhile has a signal sent to us: SIGIO by default, which ends us. */
	return file >= 0 && fcntl(file, F_SETSIG, SIGURG) == 0 &&
	       fcntl(file, F_SETLEASE, F_WRLCK) == 0;
}
