/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/process.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

bool process_lives(pid_t pid, unsigned long long start, bool *does, char **error)
{
	unsigned long long now = 0;

	bool good = !start || process_start(pid, &now, error);
	*does = good && start && now == start;
	return good;
}

/* Whether SIGKILL is in that set of a status file (proc_pid_status(5)). */
static bool has_kill(const char *status, const char *set)
{
	const char *line = strstr(status, set);

	return line && (strtoull(line + strlen(set), NULL, 16) & UINT64_C(1) << (SIGKILL - 1)) != 0;
}

/* One of the threads behind the first. */
static pid_t find_thread(pid_t pid)
{
	char path[sizeof "/proc//task" + 3 * sizeof pid];
	const struct dirent *d;

	snprintf(path, sizeof path, "/proc/%d/task", pid);
	cleanup_dir DIR *dir = opendir(path);
	while (dir && (d = readdir(dir)) != NULL) {
		struct proc_stat stat;
		long thread = strtol(d->d_name, NULL, 10);
		if (thread > 0 && thread <= INT_MAX &&
			process_stat(dirfd(dir), (pid_t)thread, &stat) && proc_stat_goes_on(&stat))
			return (pid_t)thread;
	}
	return 0;
}

static pid_t living_thread(pid_t pid, const struct proc_stat *stat)
{
	if (proc_stat_goes_on(stat))
		return pid;
	return stat->threads > 1 ? find_thread(pid) : 0;
}

pid_t process_living_thread(pid_t pid)
{
	struct proc_stat stat;

	return process_stat(AT_FDCWD, pid, &stat) ? living_thread(pid, &stat) : 0;
}

/* SIGKILL is pending for each thread: kernel/signal.c, complete_signal(), zap_other_threads(). */
bool process_is_ending(pid_t pid)
{
	char path[sizeof "/proc//task//status" + 6 * sizeof pid], text[STATUS_SIZE];
	struct proc_stat stat;

	if (!process_stat(AT_FDCWD, pid, &stat) || proc_stat_has_ended(&stat))
		return false;
	pid_t thread = living_thread(pid, &stat);
	if (!thread)
		return true;
	snprintf(path, sizeof path, "/proc/%d/task/%d/status", pid, thread);
	return io_read_short(AT_FDCWD, path, text, sizeof text) > 0 &&
	       (has_kill(text, "\nSigPnd:") || has_kill(text, "\nShdPnd:"));
}

static pid_t assumed_ended;

void process_assume_ended(pid_t pid)
{
	assumed_ended = pid;
}

bool process_is_assumed_ended(pid_t pid)
{
	return pid > 0 && pid == assumed_ended;
}

char *process_describe(const char *pid)
{
	char exe[PATH_MAX];
	cleanup_free char *link = xasprintf("/proc/%s/exe", pid);
	ssize_t n = readlink(link, exe, sizeof exe - 1);

	return n > 0 ? xasprintf("process %s (%.*s)", pid, (int)n, exe)
		     : xasprintf("process %s", pid);
}

unsigned long long process_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? st.st_ino : 0;
}

void process_defer_signals(void)
{
	/* The last two would stop it, and with it all who wait for the lock. */
	static const int deferred[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP, SIGTTOU};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_ELEMENTS(deferred); i++)
		sigaddset(&set, deferred[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}
