/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/xattr.h"

#include "base/io.h"

#include <errno.h>
#include <sys/xattr.h>

ssize_t xattr_get(int fd, const char *name, void *value, size_t size)
{
	ssize_t n = fgetxattr(fd, name, value, size);

	return n < 0 && errno == EBADF ? getxattr(IO_FD_PATH(fd), name, value, size) : n;
}

ssize_t xattr_list(int fd, char *names, size_t size)
{
	ssize_t n = flistxattr(fd, names, size);

	return n < 0 && errno == EBADF ? listxattr(IO_FD_PATH(fd), names, size) : n;
}

int xattr_set(int fd, const char *name, const void *value, size_t size)
{
	int result = fsetxattr(fd, name, value, size, 0);

	return result < 0 && errno == EBADF ? setxattr(IO_FD_PATH(fd), name, value, size, 0)
					    : result;
}

int xattr_remove(int fd, const char *name)
{
	int result = fremovexattr(fd, name);

	return result < 0 && errno == EBADF ? removexattr(IO_FD_PATH(fd), name) : result;
}
