/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/io.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How often a path is looked up again, and how often at once: later ones wait before, a ms each. */
enum { N_AGAIN = 1000, N_AT_ONCE = 100 };

int io_openat2(int directory, const char *path, int flags, unsigned resolve)
{
	struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC, .resolve = resolve};
	bool can_race = resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH);

	for (int i = 0;; i++) {
		int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN || !can_race || i == N_AGAIN)
			return fd;
		if (i >= N_AT_ONCE)
			nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
	}
}

char *io_read_fd(int fd, size_t max, size_t *length)
{
	size_t size = 0, room = 4096;
	cleanup_free char *bytes = xmalloc(room + 1);
	ssize_t n;

	while ((n = IO_RETRY(read(fd, bytes + size, room - size))) > 0) {
		size += (size_t)n;
		if (size > max) {
			errno = EFBIG;
			return NULL;
		}
		if (size == room)
			bytes = xreallocarray(bytes, (room *= 2) + 1, 1);
	}
	if (n < 0)
		return NULL;
	bytes[size] = '\0';
	if (length)
		*length = size;
	return steal_pointer(&bytes);
}

char *io_read_file(int directory, const char *path, size_t max, size_t *length)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? NULL : io_read_fd(fd, max, length);
}

ssize_t io_read_short(int directory, const char *path, char *text, size_t size)
{
	cleanup_fd int fd = openat(directory, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : IO_RETRY(read(fd, text, size - 1));

	text[n < 0 ? 0 : n] = '\0';
	return n;
}

bool io_read_line(int directory, const char *path, char *line, size_t size)
{
	if (io_read_short(directory, path, line, size) < 0)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

ssize_t io_read_up_to(int fd, void *bytes, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size &&
		(n = IO_RETRY(read(fd, (char *)bytes + length, size - length))) != 0) {
		if (n < 0)
			return -1;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

bool io_write_all(int fd, const void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = IO_RETRY(write(fd, (const char *)bytes + done, length - done));
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

bool io_write_all_at(int fd, const void *bytes, size_t length, off_t offset)
{
	for (size_t done = 0; done < length;) {
		ssize_t n = IO_RETRY(pwrite(
			fd, (const char *)bytes + done, length - done, offset + (off_t)done));
		if (n < 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

bool io_sync(int fd)
{
	return IO_RETRY(fsync(fd)) == 0;
}

bool io_replace_fd(int number, int fd, int flags)
{
	return fd == number || dup3(fd, number, flags) == number;
}

const char *io_fd_path(int fd, char path[IO_FD_PATH_SIZE])
{
	snprintf(path, IO_FD_PATH_SIZE, "/proc/self/fd/%d", fd);
	return path;
}
