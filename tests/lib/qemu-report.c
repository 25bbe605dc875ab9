/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands in for QEMU where it is to be started thousands of times: prints all that it was
 * given (identity, capabilities, signals, limits, descriptors, command line), uses the files of
 * the command line as QEMU would, and ends as the guest of tests/guest/disk.asm makes QEMU end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WRITTEN 33

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void print_status(void)
{
	static const char *const fields[] = {
		"Uid:", "Gid:", "Groups:", "NoNewPrivs:", "Cap", "Sig", "Shd"};
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	if (!status)
		fail("/proc/self/status");
	while (fgets(line, sizeof line, status))
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
			if (strncmp(line, fields[i], strlen(fields[i])) == 0)
				fputs(line, stdout);
	fclose(status);
}

static void print_limits(void)
{
	for (int resource = 0; resource < RLIMIT_NLIMITS; resource++) {
		struct rlimit limit;
		if (getrlimit((__rlimit_resource_t)resource, &limit) == 0)
			printf("limit %d %llx %llx\n", resource, (unsigned long long)limit.rlim_cur,
				(unsigned long long)limit.rlim_max);
	}
}

static void print_descriptors(void)
{
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++) {
		int flags = fcntl(fd, F_GETFL);
		char name[32], target[256];
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
		ssize_t length = flags < 0 ? -1 : readlink(name, target, sizeof target);
		if (length < 0)
			continue;
		/* Behind it comes a number that is another one each time. */
		const char *bracket = memchr(target, '[', (size_t)length);
		printf("descriptor %d %o %.*s\n", fd, (unsigned)flags,
			(int)(bracket ? bracket - target : length), target);
	}
}

/* The value of key in a word like "name=opt/a,file=/path,format=raw". */
static char *value_of(const char *word, const char *key)
{
	const char *found = strstr(word, key);

	return found ? strndup(found + strlen(key), strcspn(found + strlen(key), ",")) : NULL;
}

static void use_disk(const char *path)
{
	static const char mark[] = "virt-privileges was here";
	int fd = open(path, O_RDWR | O_CLOEXEC);

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

int main(int argc, char *argv[])
{
	print_status();
	print_limits();
	print_descriptors();
	printf("HOME=%s\n", getenv("HOME"));
	for (int i = 0; i < argc; i++)
		puts(argv[i]);
	for (int i = 1; i + 1 < argc; i++)
		use(argv[i], argv[i + 1]);
	return WRITTEN;
}
