/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/mountinfo.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static char *text;
static unsigned n_readings;
static int mountinfo = -1;

/* A child would have the same open file, and each change is told to one of both. */
static void leave_to_parent(void)
{
	if (mountinfo >= 0)
		close(steal_fd(&mountinfo));
}

/* The kernel says so by POLLPRI (proc(5), mounts). */
static bool has_changed(void)
{
	struct pollfd changed = {.fd = mountinfo, .events = POLLPRI};

	return mountinfo < 0 || poll(&changed, 1, 0) != 0;
}

static void open_again(void)
{
	static bool is_left;

	if (!is_left && pthread_atfork(NULL, NULL, leave_to_parent) != 0)
		die_out_of_memory();
	is_left = true;
	if (mountinfo < 0)
		mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
}

unsigned mountinfo_reading(void)
{
	if (n_readings == 0 || has_changed()) {
		free(text);
		text = NULL;
		open_again();
		n_readings++;
	}
	return n_readings;
}

/* All of it; NULL: half of it is nothing to go by. */
static char *read_all(void)
{
	return mountinfo < 0 || lseek(mountinfo, 0, SEEK_SET) < 0
		       ? NULL
		       : io_read_fd(mountinfo, SIZE_MAX, NULL);
}

const char *mountinfo_text(unsigned *reading)
{
	*reading = mountinfo_reading();
	if (!text) {
		text = read_all();
		if (!text && mountinfo >= 0)
			close(steal_fd(&mountinfo));
	}
	return text;
}
