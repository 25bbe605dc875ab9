/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The least that an audit through /proc can cost: nothing is judged, and nothing is kept.
 *
 *   bare-proc exe          the executable of each process and, of those called
 *                          qemu-system-*, the status file of each thread
 *   bare-proc fds          the same, and what each descriptor of the others leads to
 *   bare-proc threads PID  the status file of each thread of one process
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char buffer[65536];

static DIR *open_directory(int proc, const char *pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "%.20s/%.20s", pid, name);
	int fd = openat(proc, path, O_RDONLY | O_DIRECTORY);
	return fd < 0 ? NULL : fdopendir(fd);
}

static void read_threads(int proc, const char *pid)
{
	DIR *dir = open_directory(proc, pid, "task");
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		char path[64];
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%.20s/status", d->d_name);
		int fd = openat(dirfd(dir), path, O_RDONLY);
		if (fd < 0 || read(fd, buffer, sizeof buffer) <= 0)
			perror(path);
		close(fd);
	}
	if (dir)
		closedir(dir);
}

static void read_descriptors(int proc, const char *pid)
{
	DIR *dir = open_directory(proc, pid, "fd");
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.' &&
			readlinkat(dirfd(dir), d->d_name, buffer, sizeof buffer) < 0)
			continue;
	if (dir)
		closedir(dir);
}

static void read_all(bool with_descriptors)
{
	DIR *proc = opendir("/proc");
	const struct dirent *d;

	while (proc && (d = readdir(proc)) != NULL) {
		char path[64], exe[PATH_MAX + 1];
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof path, "%.20s/exe", d->d_name);
		ssize_t n = readlinkat(dirfd(proc), path, exe, sizeof exe - 1);
		exe[n < 0 ? 0 : n] = '\0';
		const char *slash = strrchr(exe, '/');
		if (slash && strncmp(slash + 1, "qemu-system-", 12) == 0)
			read_threads(dirfd(proc), d->d_name);
		else if (with_descriptors)
			read_descriptors(dirfd(proc), d->d_name);
	}
	if (proc)
		closedir(proc);
}

int main(int argc, char *argv[])
{
	if (argc == 3 && strcmp(argv[1], "threads") == 0)
		read_threads(open("/proc", O_RDONLY | O_DIRECTORY), argv[2]);
	else if (argc == 2)
		read_all(strcmp(argv[1], "fds") == 0);
	else
		return 2;
	return 0;
}
