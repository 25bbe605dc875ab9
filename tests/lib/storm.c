/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * storm COUNT COMMAND [ARG]...
 *
 * Starts it that many times at once, each % in a word being the number of the start, and prints the
 * microseconds until the last of them has written a byte to its standard output. Then their
 * standard inputs end, and all are waited for; the second number is the processor time of them all,
 * in microseconds.
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
#include <unistd.h>

extern char **environ;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static char *numbered(const char *word, unsigned number)
{
	const char *mark = strchr(word, '%');
	char *text;

	if (asprintf(&text, "%.*s", mark ? (int)(mark - word) : (int)strlen(word), word) < 0)
		err(1, "asprintf");
	if (!mark)
		return text;
	char *before = text;
	if (asprintf(&text, "%s%u%s", before, number, mark + 1) < 0)
		err(1, "asprintf");
	free(before);
	return text;
}

static void start(char *const *words, int n, unsigned number, int in, int out)
{
	posix_spawn_file_actions_t actions;
	char **argv = calloc((size_t)n + 1, sizeof *argv);
	pid_t pid;

	if (!argv)
		err(1, "calloc");
	for (int i = 0; i < n; i++)
		argv[i] = numbered(words[i], number);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	if (error)
		errx(1, "%s: %s", argv[0], strerror(error));
	posix_spawn_file_actions_destroy(&actions);
	for (int i = 0; i < n; i++)
		free(argv[i]);
	free(argv);
}

static void wait_for_bytes(int fd, unsigned count)
{
	char bytes[4096];

	for (unsigned said = 0; said < count;) {
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n <= 0)
			errx(1, "only %u of %u were started", said, count);
		said += (unsigned)n;
	}
}

int main(int argc, char **argv)
{
	int in[2], out[2], status;
	struct rusage used;

	if (argc < 3)
		errx(2, "usage: storm COUNT COMMAND [ARG]...");
	unsigned count = (unsigned)strtoul(argv[1], NULL, 10);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		err(1, "pipe2");
	long long begin = now();
	for (unsigned i = 0; i < count; i++)
		start(argv + 2, argc - 2, i, in[0], out[1]);
	close(out[1]);
	wait_for_bytes(out[0], count);
	long long took = now() - begin;
	close(in[1]);
	while (wait(&status) > 0)
		if (status != 0)
			errx(1, "one has ended with status %#x", (unsigned)status);
	getrusage(RUSAGE_CHILDREN, &used);
	printf("%lld %lld %ld\n", took,
		(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000LL + used.ru_utime.tv_usec +
			used.ru_stime.tv_usec,
		used.ru_maxrss);
	return 0;
}
