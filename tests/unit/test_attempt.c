/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions that are answered, that are not, and what a child that is given up keeps. */
#include "base/attempt.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWERED, SILENT, DIES, CANNOT, OPENS, LARGE, N_KINDS };
enum { LARGE_SIZE = 3 * 1024 * 1024 };

struct questions {
	int kinds[16];
	dev_t devices[16];
	int numbers[16];
	size_t lengths[16], n_taken;
	int fd;
};

static void ask(void *context, size_t i, struct attempt_out *out)
{
	const struct questions *q = context;

	switch (q->kinds[i]) {
	case SILENT:
		for (;;)
			pause();
	case DIES:
		raise(SIGKILL);
		break;
	case CANNOT:
		_exit(EMFILE);
	case OPENS:
		out->fd = memfd_create("answer", MFD_CLOEXEC);
		if (write(out->fd, "the child's", 11) != 11 || lseek(out->fd, 0, SEEK_SET) != 0)
			_exit(1);
		break;
	case LARGE:
		out->bytes = calloc(1, LARGE_SIZE);
		out->length = LARGE_SIZE;
		return;
	default:
		break;
	}
	attempt_put(out, &i, sizeof i);
}

static void take(void *context, size_t i, const struct attempt_answer *answer)
{
	struct questions *q = context;
	size_t value;

	assert_int_equal(i, q->n_taken++);
	q->numbers[i] = answer->number;
	q->lengths[i] = answer->length;
	if (!answer->number && answer->length == sizeof value) {
		memcpy(&value, answer->bytes, sizeof value);
		assert_int_equal(value, i);
	}
	if (answer->fd >= 0)
		q->fd = answer->fd;
}

static dev_t device_of(void *context, size_t i)
{
	return ((struct questions *)context)->devices[i];
}

static double ask_all(struct questions *q, size_t n)
{
	struct attempt asked = {.ask = ask, .take = take, .device = device_of, .context = q};
	struct timespec before, after;

	q->fd = -1;
	clock_gettime(CLOCK_MONOTONIC, &before);
	attempt(&asked, n);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(q->n_taken, n);
	return (double)(after.tv_sec - before.tv_sec) +
	       (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static void test_answers(void **state)
{
	struct questions q = {.kinds = {ANSWERED, OPENS, LARGE, ANSWERED}};
	char text[64] = "";

	(void)state;
	ask_all(&q, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(q.numbers[i], 0);
	assert_int_equal(q.lengths[2], LARGE_SIZE);
	/* The descriptor is of what the child opened: its own. */
	assert_true(q.fd >= 0 && read(q.fd, text, sizeof text - 1) > 0);
	assert_non_null(strstr(text, "the child's"));
	close(q.fd);
}

static void test_child_that_dies(void **state)
{
	struct questions q = {.kinds = {ANSWERED, DIES, ANSWERED, CANNOT}};

	(void)state;
	ask_all(&q, 4);
	assert_int_equal(q.numbers[0], 0);
	assert_int_equal(q.numbers[1], ECANCELED);
	assert_int_equal(q.numbers[2], 0);
	/* What it ends with says why. */
	assert_int_equal(q.numbers[3], EMFILE);
}

/* The last one: what is not answered is counted for the whole program. */
static void test_silence(void **state)
{
	struct questions q = {
		.kinds = {ANSWERED, SILENT, SILENT, ANSWERED, SILENT, ANSWERED, ANSWERED},
		.devices = {1, 2, 2, 2, 3, 1, 3}};
	static const bool is_silent[] = {false, true, true, true, true, false, true};
	char name[] = "/tmp/test_attempt.XXXXXX";
	int lock = mkstemp(name);

	(void)state;
	assert_true(lock >= 0 && flock(lock, LOCK_EX) == 0);
	double seconds = ask_all(&q, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(q.numbers[i], is_silent[i] ? ATTEMPT_SILENT : 0);
	/* One of device 2, one of device 3. */
	assert_true(seconds >= 5.9 && seconds < 9);
	assert_string_equal(attempt_why(ATTEMPT_SILENT), "not answered in 5 s");
	close(lock);
	lock = open(name, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	close(lock);
	unlink(name);
	/* 4 s are left. */
	struct questions more = {.kinds = {SILENT, SILENT, SILENT, SILENT, SILENT, ANSWERED}};
	seconds = ask_all(&more, 6);
	assert_true(seconds >= 3.9 && seconds < 6);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(more.numbers[i], ATTEMPT_SILENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_child_that_dies),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
