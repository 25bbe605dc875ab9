/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes of an id: which there are, and how they are ended. */
#include "isolate/pool.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "launch/creds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As long as its list of groups can be (NGROUPS_MAX). */
#define MAX_STATUS ((size_t)1024 * 1024)
/* What forks meanwhile is not among those that were found. */
#define END_ATTEMPTS 100
#define END_PAUSE_US 10000
#define END_MS 1000

/* The text of /proc/PID/status, new; NULL and errno. */
static char *read_status(int proc, const char *pid)
{
	char path[NAME_MAX + sizeof "/status"], text[4096];

	snprintf(path, sizeof path, "%s/status", pid);
	ssize_t n = io_read_short(proc, path, text, sizeof text);
	if (n < 0)
		return NULL;
	/* Of many groups, it goes on. */
	return n < (ssize_t)sizeof text - 1 ? xstrdup(text)
					    : io_read_file(proc, path, MAX_STATUS, NULL);
}

static bool has_ended(int number)
{
	return number == ENOENT || number == ESRCH;
}

/*
 * Calls back for each process, with its number and status, for which that can be read. False and a
 * new message: not for all.
 */
static bool each_process(void (*on_process)(void *context, const char *pid, const char *status),
	void *context, char **error)
{
	cleanup_dir DIR *dir = opendir("/proc");
	const struct dirent *d;
	bool good = true;

	if (!dir)
		return error_set_errno(error, "cannot read the directory /proc");
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		cleanup_free char *status = read_status(dirfd(dir), d->d_name);
		if (status)
			on_process(context, d->d_name, status);
		else if (!has_ended(errno) && good)
			good = error_set_errno(error, "cannot read /proc/%s/status", d->d_name);
	}
	if (errno && good)
		good = error_set_errno(error, "cannot read the directory /proc");
	return good;
}

static void take(void *context, const char *pid, const char *status)
{
	(void)pid;
	pool_take_status(context, status);
}

bool pool_take_processes(struct pool_taken *taken, char **error)
{
	return each_process(take, taken, error);
}

/* Whether a process has the id. */
static bool has_processes(uid_t id, bool *has, char **error)
{
	const struct id_range one = {.first = id, .count = 1};
	struct pool_taken taken;

	pool_taken_init(&taken, &one);
	bool good = pool_take_processes(&taken, error);
	*has = taken.is_taken[0];
	pool_taken_free(&taken);
	return good;
}

/*
 * Ends them by their numbers, as root: they cannot stop who does that.
 */

/* A process that is all the id's, as a VM's are: it has not changed its ids, and cannot. */
static bool is_all(const char *text, uid_t id)
{
	cleanup_free char *error = NULL;
	struct proc_status status;

	if (!proc_status_parse(text, &status, &error))
		return false;
	bool is = true;
	for (int i = PROC_REAL; i <= PROC_FS; i++)
		is &= status.uid[i] == id;
	proc_status_free(&status);
	return is;
}

static void end_one(void *context, const char *pid, const char *status)
{
	const uid_t *id = context;

	if (!is_all(status, *id))
		return;
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)atol(pid), 0);
	/* Now that it is held, its number is no other process's. */
	cleanup_free char *path = xasprintf("/proc/%s", pid);
	cleanup_fd int proc = pidfd < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_free char *now = proc < 0 ? NULL : read_status(proc, ".");
	if (now && is_all(now, *id))
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

/*
 * Ends them all at once, as one of them: what forks does not get away.
 */

static _Noreturn void end_all(uid_t id)
{
	const struct identity identity = {.uid = id, .gid = (gid_t)id};

	creds_drop(&(struct creds){.identity = &identity});
	kill(-1, SIGKILL);
	_exit(0);
}

/* Waits for the child, which those that it is to end may have stopped. */
static void await_end(pid_t pid)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd polled = {pidfd, POLLIN, 0};

	if (pidfd < 0)
		kill(pid, SIGKILL);
	else if (IO_RETRY(poll(&polled, 1, END_MS)) <= 0)
		syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
	IO_RETRY(waitpid(pid, NULL, 0));
}

/* Both, each whatever has become of the other. False and a new message: one could not be tried. */
static bool end_round(uid_t id, char **error)
{
	bool good = each_process(end_one, &id, error);
	pid_t pid = fork();

	if (pid == 0)
		end_all(id);
	if (pid > 0)
		await_end(pid);
	else if (good)
		good = error_set_errno(error, "cannot fork a process to end those of uid %u", id);
	return good;
}

bool pool_end_processes(uid_t id, char **error)
{
	cleanup_free char *why = NULL;
	bool has;

	/* What cannot be told or done now may be later; what can be is done all the same. */
	for (int i = 0; i < END_ATTEMPTS; i++) {
		cleanup_free char *failed = NULL;
		free(why);
		why = NULL;
		if (has_processes(id, &has, &why) && !has)
			return true;
		if (!end_round(id, &failed) && !why)
			why = steal_pointer(&failed);
		usleep(END_PAUSE_US);
	}
	return error_set(error, "processes of uid %u cannot be ended%s%s", id, why ? ": " : "",
		why ? why : "");
}
