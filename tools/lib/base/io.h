/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading and writing whole: what read(2) and write(2) leave to their callers, pieces and
 * signals, is done here once.
 *
 * Nothing here says anything to anybody: what fails leaves its reason in errno.
 */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The value of a system call that a signal is no answer of: it is made again after EINTR. */
#define IO_RETRY(call)                                                                             \
	({                                                                                         \
		__auto_type result_ = (call);                                                      \
		while (result_ < 0 && errno == EINTR)                                              \
			result_ = (call);                                                          \
		result_;                                                                           \
	})

/*
 * openat2(2), close-on-exec, with these flags (O_...) and RESOLVE_...: a new descriptor; -1 and
 * errno. A path that must stay below a directory, and has a ".." in it or in a link of it, is
 * refused with EAGAIN when anything was renamed or mounted on this machine meanwhile; it is looked
 * up again then, for about a second.
 */
int io_openat2(int directory, const char *path, int flags, unsigned resolve);

/*
 * All that a descriptor gives up to its end, from where it stands: new, with a NUL behind its
 * *length bytes (length may be NULL). NULL and errno: EFBIG if that is more than max bytes.
 */
char *io_read_fd(int fd, size_t max, size_t *length);

/* The same of a file, whose path may be relative to the directory (AT_FDCWD: the current one). */
char *io_read_file(int directory, const char *path, size_t max, size_t *length);

/*
 * The beginning of a file, which of a small one of /proc or sysfs is all: the kernel writes those
 * in one piece, and a second read(2) would only say so. At most size - 1 bytes, and a NUL.
 * Returns how many; -1, errno and "".
 */
ssize_t io_read_short(int directory, const char *path, char *text, size_t size);

/* The same, up to the end of the first line. False, errno and "" where there is no such file. */
bool io_read_line(int directory, const char *path, char *line, size_t size);

/*
 * From where the descriptor stands, size bytes, or as many as there are: how many; -1 and errno.
 */
ssize_t io_read_up_to(int fd, void *bytes, size_t size);

/* All of it. False and errno, when a part of it may be written. */
bool io_write_all(int fd, const void *bytes, size_t length);
/* The same from that offset on, wherever the descriptor stands. */
bool io_write_all_at(int fd, const void *bytes, size_t length, off_t offset);

/* fsync(2), to its end. */
bool io_sync(int fd);

/*
 * dup3(2): the number becomes another one for what fd is open for, in place of what it was before;
 * flags are 0 or O_CLOEXEC. If fd has that number, it stays as it is. False and errno.
 */
bool io_replace_fd(int number, int fd, int flags);

/*
 * The name that a descriptor, O_PATH too, has in /proc (proc_pid_fd(5)): for what takes a path
 * alone. It lives as long as the block that it is written in.
 */
#define IO_FD_PATH_SIZE (sizeof "/proc/self/fd/" + 3 * sizeof(int))
#define IO_FD_PATH(fd) io_fd_path(fd, (char[IO_FD_PATH_SIZE]){""})
const char *io_fd_path(int fd, char path[IO_FD_PATH_SIZE]);
