/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing whole, through a pipe that gives little at a time, and signals. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Of each length the buffer's end lies elsewhere. */
static const size_t lengths[] = {0, 1, 4095, 4096, 4097, 8192, 8193, 100000};

static char byte_at(size_t i)
{
	return (char)(i * 7 + i / 4096);
}

static char *bytes_of(size_t length)
{
	char *bytes = xmalloc(length + 1);

	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_at(i);
	return bytes;
}

static void interrupt(int number)
{
	(void)number;
}

/* A timer of this process, whose signal interrupts each call that waits. */
static void interrupt_often(bool on)
{
	struct sigaction action = {.sa_handler = on ? interrupt : SIG_IGN};
	struct itimerval timer = {{0, on ? 300 : 0}, {0, on ? 300 : 0}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* A child that writes the bytes into a pipe, in two parts with a pause before each. */
static pid_t slow_writer(size_t length, int *from)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();

	if (pid == 0) {
		cleanup_free char *bytes = bytes_of(length);
		close(ends[0]);
		usleep(2000);
		bool good = io_write_all(ends[1], bytes, length / 2);
		usleep(2000);
		good = good && io_write_all(ends[1], bytes + length / 2, length - length / 2);
		_exit(good ? 0 : 1);
	}
	close(ends[1]);
	*from = ends[0];
	return pid;
}

static void ended_well(pid_t pid)
{
	int status;

	assert_int_equal(IO_RETRY(waitpid(pid, &status, 0)), pid);
	assert_int_equal(status, 0);
}

static void read_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
		cleanup_fd int from = -1;
		pid_t pid = slow_writer(lengths[i], &from);
		size_t length = 0;
		interrupt_often(true);
		cleanup_free char *read = io_read_fd(from, SIZE_MAX, &length);
		interrupt_often(false);
		cleanup_free char *expected = bytes_of(lengths[i]);
		assert_non_null(read);
		assert_int_equal(length, lengths[i]);
		assert_memory_equal(read, expected, length);
		assert_int_equal(read[length], '\0');
		ended_well(pid);
	}
}

static void read_up_to(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
		cleanup_fd int from = -1;
		pid_t pid = slow_writer(4096, &from);
		cleanup_free char *read = xmalloc(lengths[i] + 1);
		size_t wanted = lengths[i] < 4096 ? lengths[i] : 4096;
		interrupt_often(true);
		ssize_t n = io_read_up_to(from, read, lengths[i]);
		interrupt_often(false);
		assert_int_equal(n, wanted);
		cleanup_free char *expected = bytes_of(wanted);
		assert_memory_equal(read, expected, wanted);
		ended_well(pid);
	}
}

static void read_no_more_than(void **state)
{
	char path[] = "/tmp/test_io.XXXXXX";
	cleanup_fd int fd = mkostemp(path, O_CLOEXEC);
	cleanup_free char *bytes = bytes_of(5000);

	(void)state;
	assert_true(io_write_all(fd, bytes, 5000));
	assert_true(io_write_all_at(fd, "XY", 2, 1));
	memcpy(bytes + 1, "XY", 2);
	cleanup_free char *all = io_read_file(AT_FDCWD, path, 5000, NULL);
	assert_memory_equal(all, bytes, 5000);
	errno = 0;
	assert_null(io_read_file(AT_FDCWD, path, 4999, NULL));
	assert_int_equal(errno, EFBIG);
	char few[8];
	assert_int_equal(io_read_short(AT_FDCWD, path, few, sizeof few), sizeof few - 1);
	assert_memory_equal(few, bytes, sizeof few - 1);
	assert_int_equal(few[7], '\0');
	/* By the name of its descriptor. */
	assert_int_equal(io_read_short(AT_FDCWD, IO_FD_PATH(fd), few, sizeof few), sizeof few - 1);
	unlink(path);
	assert_null(io_read_file(AT_FDCWD, path, 1, NULL));
	assert_int_equal(errno, ENOENT);
	assert_int_equal(io_read_short(AT_FDCWD, path, few, sizeof few), -1);
	assert_string_equal(few, "");
}

/* Writing to a pipe that nobody empties for a while is interrupted, too. */
static void write_whole(void **state)
{
	int ends[2];
	size_t length = 300000;
	cleanup_free char *bytes = bytes_of(length);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		size_t n;
		close(ends[1]);
		usleep(5000);
		cleanup_free char *read = io_read_fd(ends[0], SIZE_MAX, &n);
		_exit(read && n == length && memcmp(read, bytes, n) == 0 ? 0 : 1);
	}
	close(ends[0]);
	interrupt_often(true);
	bool good = io_write_all(ends[1], bytes, length);
	interrupt_often(false);
	close(ends[1]);
	assert_true(good);
	ended_well(pid);
}

/* The kernel's own refusals, at each of which the same path is found. */
static void open_beneath_what_is_renamed(void **state)
{
	char root[] = "/tmp/test_io.XXXXXX", path[400] = "";
	int n_refused = 0;

	(void)state;
	assert_non_null(mkdtemp(root));
	cleanup_fd int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "a", 0700), 0);
	assert_int_equal(mkdirat(dir, "b", 0700), 0);
	for (int i = 0; i < 50; i++)
		strcat(path, "a/../");
	pid_t pid = fork();
	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pid == 0)
		renameat(dir, renameat(dir, "b", dir, "c") == 0 ? "c" : "b", dir, "b");
	while (n_refused < 100) {
		struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT};
		cleanup_fd int bare = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
		n_refused += bare < 0 && errno == EAGAIN;
		cleanup_fd int fd = io_openat2(dir, path, O_PATH, RESOLVE_IN_ROOT);
		assert_true(fd >= 0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(io_openat2(dir, "absent", O_PATH, RESOLVE_IN_ROOT), -1);
	assert_int_equal(errno, ENOENT);
	unlinkat(dir, "a", AT_REMOVEDIR);
	unlinkat(dir, "b", AT_REMOVEDIR);
	unlinkat(dir, "c", AT_REMOVEDIR);
	rmdir(root);
}

static void array_grows(void **state)
{
	size_t *numbers = NULL;
	size_t n = 0;

	(void)state;
	for (; n < 1000; n++) {
		ARRAY_GROW(numbers, n);
		numbers[n] = n;
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(numbers[i], i);
	free(numbers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(read_whole),
		cmocka_unit_test(read_up_to), cmocka_unit_test(read_no_more_than),
		cmocka_unit_test(write_whole), cmocka_unit_test(open_beneath_what_is_renamed),
		cmocka_unit_test(array_grows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
