/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for QEMU where it is to be started thousands of times: prints all that it was
 * given (identity, capabilities, signals, limits, descriptors, command line), uses the files of
 * the command line as QEMU would, and ends as the guest of tests/guest/disk.asm makes QEMU end.
 *
 * With -daemonize a process of its own goes on, as in QEMU's os-posix.c. With -S it ends when
 * the monitor of virt-priv-run --vm is asked for that.
 */
#include "given.h"

#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define WRITTEN 33
/* What comes to an end far earlier, unless something has gone wrong. */
#define PATIENCE_MS 10000

static char **words;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* The value of key in a word like "name=opt/a,file=/path,format=raw". */
static char *value_of(const char *word, const char *key)
{
	const char *found = strstr(word, key);

	return found ? strndup(found + strlen(key), strcspn(found + strlen(key), ",")) : NULL;
}

/* The value of the next option of that name, from word *at on; NULL: there is none. */
static const char *next_value(size_t *at, const char *option)
{
	while (words[*at] && words[*at + 1])
		if (strcmp(words[(*at)++], option) == 0)
			return words[*at];
	return NULL;
}

static bool has_word(const char *wanted)
{
	for (size_t i = 1; words[i]; i++)
		if (strcmp(words[i], wanted) == 0)
			return true;
	return false;
}

/* The descriptor of a set that can be written to, as QEMU looks for it. */
static int open_of_set(const char *set)
{
	const char *value;

	for (size_t i = 1; (value = next_value(&i, "-add-fd")) != NULL;) {
		char *its_set = value_of(value, "set="), *number = value_of(value, "fd=");
		int fd = number ? atoi(number) : -1;
		bool is_it = its_set && strcmp(its_set, set) == 0 &&
			     (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
		free(its_set);
		free(number);
		if (is_it)
			return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

static void use_disk(const char *path)
{
	static const char mark[] = "virt-privileges was here", sets[] = "/dev/fdset/";
	int fd = strncmp(path, sets, sizeof sets - 1) == 0 ? open_of_set(path + sizeof sets - 1)
							   : open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, mark, sizeof mark - 1, 512) < 0)
		fail(path);
	close(fd);
}

static void print_file(const char *path)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

	if (n < 0)
		fail(path);
	printf("%.*s", (int)n, text);
	close(fd);
}

static void write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write(fd, "line\n", 5) < 0)
		fail(path);
	close(fd);
}

static void bind_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		fail(path);
	close(fd);
}

static void use(const char *option, const char *value)
{
	char *file = value_of(value, "file=");

	if (strcmp(option, "-drive") == 0 && file)
		use_disk(file);
	else if (strcmp(option, "-fw_cfg") == 0 && file)
		print_file(file);
	else if (strcmp(option, "-serial") == 0 && strncmp(value, "file:", 5) == 0)
		write_file(value + 5);
	else if (strcmp(option, "-vnc") == 0 && strncmp(value, "unix:", 5) == 0)
		bind_socket(value + 5);
	free(file);
}

/* Field 4 of /proc/PID/stat (proc(5)); 0: can't be told. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[256] = "";
	int parent = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0) {
		const char *p = strrchr(text, ')');
		if (!p || sscanf(p, ") %*c %d", &parent) != 1)
			parent = 0;
	}
	close(fd);
	return parent;
}

/* The daemon is what returns, with where to say that it is ready. */
static int become_daemon(void)
{
	int ends[2];
	char ready = 0;

	if (pipe(ends) < 0)
		fail("pipe");
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	if (child > 0) {
		close(ends[1]);
		_exit(read(ends[0], &ready, 1) == 1 ? 0 : 1);
	}
	close(ends[0]);
	pid_t starter = setsid();
	if (starter < 0 || (child = fork()) < 0)
		fail("daemon");
	if (child > 0)
		_exit(0);
	while (getppid() == starter)
		sched_yield();
	return ends[1];
}

/* virt-priv-run, if it still runs, must be there to see the daemon's end. One that was killed may
 * take a moment to end: the kernel has it wait while it closes what inotify(7) watched. */
static void print_parent(pid_t wanted, int its_pidfd)
{
	struct pollfd polled = {its_pidfd, POLLIN, 0};

	if (getppid() != wanted && its_pidfd >= 0 && poll(&polled, 1, PATIENCE_MS) == 0)
		puts("no child of virt-priv-run's");
}

/* Goes on until who started virt-priv-run is told so: it then finds a daemon to stay with. */
static void be_ready(int tell, int caller)
{
	struct pollfd polled = {caller, POLLIN, 0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	fflush(stdout);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null < 0 || write(tell, "", 1) != 1)
		_exit(1);
	if (caller >= 0)
		poll(&polled, 1, PATIENCE_MS);
}

/* A monitor that greets, and waits for one command. */
static void await_power_button(void)
{
	static const char control[] = "socket,id=virt-privileges-control,fd=";
	static const char greeting[] = "{\"QMP\": {}}\n";
	char text[256] = "";
	const char *value;
	int listening = -1;

	for (size_t i = 1; (value = next_value(&i, "-chardev")) != NULL;)
		if (strncmp(value, control, sizeof control - 1) == 0)
			listening = atoi(value + sizeof control - 1);
	while (!strstr(text, "system_powerdown")) {
		int fd = accept(listening, NULL, NULL);
		if (fd < 0)
			fail("accept");
		ssize_t n = send(fd, greeting, sizeof greeting - 1, MSG_NOSIGNAL);
		if (n > 0)
			n = read(fd, text, sizeof text - 1);
		text[n > 0 ? n : 0] = '\0';
		close(fd);
	}
}

int main(int argc, char *argv[])
{
	int tell = -1, caller = -1;

	words = argv;
	print_credentials();
	print_limits();
	print_descriptors(STDERR_FILENO + 1);
	printf("HOME=%s\n", getenv("HOME"));
	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	fflush(stdout);
	if (has_word("-daemonize")) {
		pid_t parent = getppid();
		int its_pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
		caller = (int)syscall(SYS_pidfd_open, parent_of(parent), 0);
		tell = become_daemon();
		print_parent(parent, its_pidfd);
	}
	for (int i = 1; i + 1 < argc; i++)
		use(argv[i], argv[i + 1]);
	if (tell >= 0)
		be_ready(tell, caller);
	if (has_word("-S"))
		await_power_button();
	return WRITTEN;
}
