/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of this process's mountinfo, read once for all who ask. Private to path/. */
#pragma once

/*
 * What the number is of a reading that would be made now, from 1: it changes with what is mounted
 * (proc_pid_mounts(5): POLLPRI).
 */
unsigned mountinfo_reading(void);

/*
 * /proc/self/mountinfo, read again where it has changed, and which reading of it that is. It
 * belongs to this module, until the next call. NULL: it can't be read.
 */
const char *mountinfo_text(unsigned *reading);
