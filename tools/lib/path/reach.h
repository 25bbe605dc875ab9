/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * Reaches what may lie below a file system that does not answer, without waiting for it.
 *
 * What could wait is asked in a child that is given up (attempt.h).
 */
#pragma once

/*
 * Opens a path (absolute) O_PATH, as the journal has it, without judging the way: what is found
 * must be known by what it is. Returns -1 and errno; ATTEMPT_SILENT: a file system on the way has
 * not answered in time, and is not asked again by this process. What it answered is known to the
 * kernel then: look_stat_fd() gives that without another question.
 */
int reach_open(const char *path);
