/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For LD_PRELOAD: where a file has the attribute user.note, somebody else sets it to GROWN between
 * the first fgetxattr(2) of it and the second. The file system need not know, and its times stay.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t fgetxattr(int fd, const char *name, void *value, size_t size);
ssize_t fgetxattr(int fd, const char *name, void *value, size_t size)
{
	static bool has_grown;
	const char *grown = getenv("GROWN");
	ssize_t n = syscall(SYS_fgetxattr, fd, name, NULL, 0);

	if (n < 0 || !grown || strcmp(name, "user.note") != 0)
		return syscall(SYS_fgetxattr, fd, name, value, size);
	if (!has_grown) {
		has_grown = true;
		return n;
	}
	if (size && size < strlen(grown)) {
		errno = ERANGE;
		return -1;
	}
	if (size)
		memcpy(value, grown, strlen(grown));
	return (ssize_t)strlen(grown);
}
