/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/fd_tables.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/proc_text.h"
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A thread can end after it was seen to have a table, and before that is read; where all threads of
 * a process end, one after the other, as often as it has threads.
 */
#define ROUNDS 100

struct search {
	pid_t pid;
	int tasks; /* /proc/PID/task */
	bool first_has_ended;
	pid_t *threads; /* one of each table, in the order of kcmp(2) */
	size_t n;
};

static pid_t number_of(const char *name)
{
	char *end;
	long number = strtol(name, &end, 10);

	return *end || number <= 0 || number > INT_MAX ? 0 : (pid_t)number;
}

static bool is_gone(int number)
{
	return number == ENOENT || number == ESRCH;
}

static bool has_descriptor(int tasks, pid_t thread)
{
	char path[sizeof "/fd" + 3 * sizeof thread];
	const struct dirent *d;

	snprintf(path, sizeof path, "%d/fd", thread);
	int fd = openat(tasks, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			return true;
	return false;
}

/*
 * Whether it has its table still, and so had it when that was read: one that exits may have let go
 * of it (kernel/exit.c, exit_files()), and then shows an empty one.
 */
static bool has_table(int tasks, pid_t thread)
{
	struct proc_stat stat;

	return process_stat(tasks, thread, &stat) && !proc_stat_thread_has_ended(&stat) &&
	       (proc_stat_goes_on(&stat) || has_descriptor(tasks, thread));
}

/* Adds it, unless a thread with the same table is there: what can't be told is another one. */
static void add(struct search *s, pid_t thread, bool is_first_round)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		long order = syscall(SYS_kcmp, s->threads[middle], thread, KCMP_FILES, 0, 0);
		if (order == 0)
			return;
		if (order != 1 && order != 2)
			break;
		if (order == 1)
			low = middle + 1;
		else
			high = middle;
	}
	if (!is_first_round && !has_table(s->tasks, thread))
		return;
	ARRAY_GROW(s->threads, s->n);
	memmove(s->threads + low + 1, s->threads + low, (s->n - low) * sizeof *s->threads);
	s->threads[low] = thread;
	s->n++;
}

static bool find_tables(struct search *s, bool is_first_round)
{
	const struct dirent *d;
	int fd = openat(s->tasks, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir)
		return is_gone(errno);
	s->n = 0;
	while (errno = 0, (d = readdir(dir)) != NULL) {
		pid_t thread = number_of(d->d_name);
		if (thread && !(s->first_has_ended && thread == s->pid))
			add(s, thread, is_first_round);
	}
	return errno == 0 || is_gone(errno);
}

enum round { ROUND_READ, ROUND_FAILED, ROUND_AGAIN };

static enum round read_tables(struct search *s, bool is_first_round,
	bool (*on_table)(void *context, int thread), void *context)
{
	enum round round = ROUND_READ;

	if (!find_tables(s, is_first_round))
		return ROUND_FAILED;
	for (size_t i = 0; i < s->n; i++) {
		char name[3 * sizeof(pid_t)];
		snprintf(name, sizeof name, "%d", s->threads[i]);
		cleanup_fd int thread = openat(s->tasks, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (thread < 0 && !is_gone(errno))
			return ROUND_FAILED;
		if (thread >= 0 && !on_table(context, thread))
			return ROUND_READ;
		if (!has_table(s->tasks, s->threads[i]))
			round = ROUND_AGAIN;
	}
	return round;
}

bool fd_tables_each(int process, pid_t pid, const char *status,
	bool (*on_table)(void *context, int thread), void *context)
{
	enum round round = ROUND_AGAIN;
	char text[FD_TABLES_STATUS];

	if (!status && io_read_short(process, "status", text, sizeof text) <= 0)
		return is_gone(errno);
	const struct proc_threads threads = proc_status_threads(status ? status : text);
	if (threads.n <= 1) {
		on_table(context, process);
		return true;
	}
	cleanup_fd int tasks = openat(process, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tasks < 0)
		return is_gone(errno);
	struct search s = {.pid = pid, .tasks = tasks, .first_has_ended = threads.first_has_ended};
	for (int i = 0; i < ROUNDS && round == ROUND_AGAIN; i++)
		round = read_tables(&s, i == 0, on_table, context);
	free(s.threads);
	return round == ROUND_READ;
}
