/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cost-of TIMES COMMAND [ARG]...
 *
 * Runs a command as often, without input or output, and prints what one run took on
 * average, in microseconds, and in how much processor time, and its peak memory in KiB.
 * This program is small, because what starts a process lends it its own peak. A command
 * that ends with another status than 0 or 1 (an audit's findings) ends this one.
 */
#include <err.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double microseconds(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

int main(int argc, char **argv)
{
	int times = argc > 2 ? atoi(argv[1]) : 0;
	double took = 0, processor = 0;
	long peak = 0;
	posix_spawn_file_actions_t files;

	if (times <= 0)
		errx(2, "usage: cost-of TIMES COMMAND [ARG]...");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
	for (int i = 0; i < times; i++) {
		pid_t child;
		int status;
		struct rusage usage;
		double begin = now();
		int error = posix_spawnp(&child, argv[2], &files, NULL, argv + 2, environ);
		if (error)
			errx(2, "cannot run %s: %s", argv[2], strerror(error));
		if (wait4(child, &status, 0, &usage) != child)
			err(2, "cannot wait for %s", argv[2]);
		took += now() - begin;
		if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
			errx(2, "%s ended with status %#x", argv[2], (unsigned)status);
		processor += microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
		if (usage.ru_maxrss > peak)
			peak = usage.ru_maxrss;
	}
	printf("%.1f %.1f %ld\n", took / times, processor / times, peak);
	return 0;
}
