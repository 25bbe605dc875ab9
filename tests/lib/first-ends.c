/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What code in QEMU can make of its threads and their descriptors. Each opens files for reading and
 * writing, says "ready", and lasts until it is killed:
 *
 *   first-ends FILE...              its first thread ends, alone
 *   first-ends --own-table FILE...  another thread has them open, the first one has not
 *   first-ends -daemonize ...       stands in for QEMU: the daemon and a child of its do the first,
 * with what "file=FILE,..." names
 */
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char **files;
static pthread_barrier_t is_opened;
static int parent = -1; /* a pipe to who waits until the daemon is ready */

static void open_file(const char *path)
{
	if (open(path, O_RDWR) < 0)
		err(1, "%s", path);
}

/* Of the first thread (proc_pid_stat(5)). */
static char state_of_first(void)
{
	char text[512];
	int fd = open("/proc/self/stat", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	const char *name_end = strrchr(text, ')');
	return name_end ? name_end[2] : '?';
}

static _Noreturn void last(void)
{
	static const char said[] = "ready\n";

	if (write(STDOUT_FILENO, said, sizeof said - 1) < 0 ||
		(parent >= 0 && write(parent, said, 1) < 0))
		_exit(1);
	for (;;)
		pause();
}

static void *outlive(void *unused)
{
	(void)unused;
	while (state_of_first() != 'Z')
		usleep(1000);
	last();
}

static void *have_own_table(void *unused)
{
	(void)unused;
	if (unshare(CLONE_FILES) < 0)
		err(1, "unshare");
	for (char **file = files; *file; file++)
		open_file(*file);
	pthread_barrier_wait(&is_opened);
	last();
}

static void start(void *(*function)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, NULL) != 0)
		errx(1, "pthread_create");
}

static _Noreturn void end_first(void)
{
	start(outlive);
	syscall(SYS_exit, 0);
	__builtin_unreachable();
}

/* The files of a command line of QEMU's. */
static void open_images(char *argv[])
{
	for (; *argv; argv++) {
		char *file = strstr(*argv, "file=");
		if (!file)
			continue;
		file += strlen("file=");
		file[strcspn(file, ",")] = '\0';
		open_file(file);
	}
}

static _Noreturn void stand_in(char *argv[])
{
	int ends[2];
	char c;

	if (pipe(ends) < 0)
		err(1, "pipe");
	pid_t daemon = fork();
	pid_t child = daemon == 0 ? fork() : 0;
	if (daemon < 0 || child < 0)
		err(1, "fork");
	if (daemon > 0)
		_exit(read(ends[0], &c, 1) == 1 ? 0 : 1);
	if (child > 0)
		parent = ends[1];
	open_images(argv);
	end_first();
}

int main(int argc, char *argv[])
{
	if (argc > 1 && strcmp(argv[1], "-daemonize") == 0)
		stand_in(argv);
	if (argc > 1 && strcmp(argv[1], "--own-table") == 0) {
		files = argv + 2;
		pthread_barrier_init(&is_opened, NULL, 2);
		start(have_own_table);
		pthread_barrier_wait(&is_opened);
		for (;;)
			pause();
	}
	for (char **file = argv + 1; *file; file++)
		open_file(*file);
	end_first();
}
