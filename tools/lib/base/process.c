/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* PF_EXITING of include/linux/sched.h. */
#define FLAG_EXITING 0x4

/* More than the kernel writes, of a process in a thousand groups. */
#define STATUS_SIZE 16384
/* More than the kernel writes: 52 fields, and a name of 64 characters at most. */
#define STAT_SIZE 2048

bool process_stat(int directory, pid_t pid, struct proc_stat *stat)
{
	char path[sizeof "/proc//stat" + 3 * sizeof pid], text[STAT_SIZE];

	snprintf(path, sizeof path, directory == AT_FDCWD ? "/proc/%d/stat" : "%d/stat", pid);
	return io_read_short(directory, path, text, sizeof text) > 0 && proc_stat_parse(text, stat);
}

bool process_start(pid_t pid, unsigned long long *start, char **error)
{
	cleanup_free char *path = xasprintf("/proc/%d/stat", pid);
	struct proc_stat stat;
	char text[STAT_SIZE];

	*start = 0;
	if (io_read_short(AT_FDCWD, path, text, sizeof text) < 0) {
		bool is_gone = errno == ENOENT || errno == ESRCH;
		/* hidepid makes others seem to be none. */
		if (is_gone && (kill(pid, 0) == 0 || errno == EPERM)) {
			is_gone = false;
			errno = EPERM;
		}
		if (!is_gone)
			*error = xasprintf(
				"cannot determine when process %d was started: cannot read %s: %s",
				pid, path, strerror(errno));
		return is_gone;
	}
	if (!proc_stat_parse(text, &stat)) {
		*error = xasprintf(
			"cannot determine when process %d was started: %s has no such field", pid,
			path);
		return false;
	}
	*start = proc_stat_has_ended(&stat) ? 0 : stat.start;
	return true;
}

/* Whether SIGKILL is in that set of a status file (proc_pid_status(5)). */
static bool has_kill(const char *status, const char *set)
{
	const char *line = strstr(status, set);

	return line && (strtoull(line + strlen(set), NULL, 16) & UINT64_C(1) << (SIGKILL - 1)) != 0;
}

bool process_is_ending(pid_t pid)
{
	char path[sizeof "/proc//status" + 3 * sizeof pid], text[STATUS_SIZE];
	struct proc_stat stat;

	if (!process_stat(AT_FDCWD, pid, &stat) || proc_stat_has_ended(&stat))
		return false;
	if (stat.flags & FLAG_EXITING)
		return true;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	return io_read_short(AT_FDCWD, path, text, sizeof text) > 0 &&
	       (has_kill(text, "\nSigPnd:") || has_kill(text, "\nShdPnd:"));
}

unsigned long long process_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}
