/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of this process's mountinfo, read once for all who ask. Private to path/. */
#pragma once

/*
 * /proc/self/mountinfo, read again where it has changed (proc_pid_mounts(5): POLLPRI), and which
 * reading of it that is, from 1. It belongs to this module, until the next call. NULL: it can't be
 * read.
 */
const char *mountinfo_text(unsigned *reading);
