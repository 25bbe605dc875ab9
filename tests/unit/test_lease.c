/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the kernel says that nobody has a file open, beside those who have. */
#include "base/cleanup.h"
#include "path/lease.h"
#include "path/look.h"
#include "path/open_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What a process does with the file before it is asked about; false: it can't. */
static bool opens_to_read(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC) >= 0;
}

static bool opens_to_write(const char *path)
{
	return open(path, O_RDWR | O_CLOEXEC) >= 0;
}

static bool names_alone(const char *path)
{
	return open(path, O_PATH | O_CLOEXEC) >= 0;
}

/* For ioctl(2) alone (open(2), "File access mode"). */
static bool has_no_access(const char *path)
{
	char byte;
	int fd = open(path, O_ACCMODE | O_CLOEXEC);

	return fd >= 0 && read(fd, &byte, 1) < 0 && write(fd, &byte, 1) < 0 &&
	       mmap(NULL, 4096, PROT_NONE, MAP_SHARED, fd, 0) == MAP_FAILED;
}

static bool maps_alone(const char *path)
{
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd >= 0 && mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED;
}

/* It is open as long as the sockets are, in which it waits to be taken. */
static bool sends_to_itself(const char *path)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec byte = {.iov_base = control, .iov_len = 1};
	struct msghdr message = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ends[2];

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(header), &fd, sizeof fd);
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 &&
	       sendmsg(ends[0], &message, 0) == 1;
}

static const struct {
	const char *name;
	bool (*has)(const char *path);
	bool is_granted;
} rows[] = {
	{"reader", opens_to_read, false},
	{"writer", opens_to_write, false},
	{"mapping", maps_alone, false},
	{"message", sends_to_itself, false},
	{"name", names_alone, true},
	{"no access", has_no_access, true},
};

static char path[] = "/tmp/lease-XXXXXX";

/*
 * Where there are none (fs.leases-enable, its file system), nothing is ever granted; an overlay is
 * not asked.
 */
static void need_leases(void)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct statfs fs;

	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0 || fstatfs(fd, &fs) < 0 ||
		fs.f_type == OVERLAYFS_SUPER_MAGIC)
		skip();
}

static bool ask(void)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	return lease_is_granted(fd);
}

/* A process that has it, until it is killed. */
static pid_t begin(bool (*has)(const char *))
{
	int said[2];
	char byte = 0;

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		byte = has(path);
		if (write(said[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(said[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	close(said[0]);
	close(said[1]);
	return child;
}

static void who_has_it_open_counts(void **state)
{
	(void)state;
	need_leases();
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(ask());
		pid_t child = begin(rows[i].has);
		bool granted = ask();
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		if (granted != rows[i].is_granted)
			fail_msg("%s: %d", rows[i].name, granted);
	}
}

static void this_process_counts(void **state)
{
	(void)state;
	need_leases();
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_false(ask());
}

/* Nobody waits for it, and it ends nobody. */
static void nothing_of_it_stays(void **state)
{
	(void)state;
	need_leases();
	assert_true(ask());
	cleanup_fd int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETLEASE), F_UNLCK);
}

static void what_has_none(void **state)
{
	cleanup_fd int device = open("/dev/null", O_PATH | O_CLOEXEC);
	cleanup_fd int directory = open("/", O_PATH | O_CLOEXEC);

	(void)state;
	assert_false(lease_is_granted(device));
	assert_false(lease_is_granted(directory));
	assert_false(lease_is_granted(-1));
}

/* As many as were asked before do not count for who begins anew. */
static void so_many_at_a_time(void **state)
{
	struct stat st;

	(void)state;
	need_leases();
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	if (!look_is_local(fd, -1))
		skip();
	for (int again = 0; again < 2; again++) {
		assert_true(open_files_has_none(fd, &st));
		for (int i = 0; i < 100; i++)
			open_files_has_none(fd, &st);
		assert_false(open_files_asks_kernel());
		assert_false(open_files_has_none(fd, &st));
		open_files_forget();
	}
}

static int set_up(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	bool good = fd >= 0 && ftruncate(fd, 4096) == 0;
	if (fd >= 0)
		close(fd);
	return good ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_it_open_counts),
		cmocka_unit_test(this_process_counts),
		cmocka_unit_test(nothing_of_it_stays),
		cmocka_unit_test(what_has_none),
		cmocka_unit_test(so_many_at_a_time),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
