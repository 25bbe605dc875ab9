/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted, read again when it has changed, by each process for itself. */
#include "path/mountinfo.h"
#include "path/mounts.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/*
 * Once, in mounts of its own, whose file is open from then on; where that is not allowed, there is
 * nothing to see.
 */
static void be_alone(void)
{
	static bool is_alone;

	if (is_alone)
		return;
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		skip();
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	is_alone = true;
}

static size_t count(const char *source)
{
	const struct mounts *mounts = mounts_now();
	size_t n = 0;

	for (size_t i = 0; i < mounts->n; i++)
		n += strcmp(mounts->all[i].source, source) == 0;
	return n;
}

static void mount_one(const char *source)
{
	assert_int_equal(mount(source, "/proc", "tmpfs", 0, NULL), 0);
}

static void a_change_is_seen(void **state)
{
	unsigned before, after, unchanged;

	(void)state;
	be_alone();
	assert_int_equal(count("once"), 0);
	const struct proc_mount *held = mounts_now()->all;
	assert_non_null(mountinfo_text(&before));
	mount_one("once");
	/* It lies over /proc, whose file is open. */
	assert_non_null(mountinfo_text(&after));
	assert_int_equal(after, before + 1);
	assert_int_equal(count("once"), 1);
	assert_non_null(mountinfo_text(&unchanged));
	assert_int_equal(unchanged, after);
	/* What was read before stays. */
	assert_string_equal(held[0].point, "/");
	assert_int_equal(umount2("/proc", MNT_DETACH), 0);
	assert_int_equal(count("once"), 0);
}

static void a_child_takes_nothing_from_its_parent(void **state)
{
	int status;

	(void)state;
	be_alone();
	assert_int_equal(count("twice"), 0);
	assert_int_equal(mount("twice", "/sys", "tmpfs", 0, NULL), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(count("twice") == 1 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(count("twice"), 1);
	assert_int_equal(umount2("/sys", MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_is_seen),
		cmocka_unit_test(a_child_takes_nothing_from_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
