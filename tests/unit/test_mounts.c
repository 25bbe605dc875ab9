/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted, read again when it has changed, by each process for itself. */
#include "base/cleanup.h"
#include "path/mountinfo.h"
#include "path/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
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

/* The mount of a path, and, as mountinfo has it, in *listed. */
static const struct proc_mount *mount_of(const char *path, const struct proc_mount **listed)
{
	const struct mounts *mounts = mounts_now();
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct statx stx;

	*listed = NULL;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, 0, &stx) < 0)
		return NULL;
	assert_true(stx.stx_mask & STATX_MNT_ID);
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->all[i].id == stx.stx_mnt_id)
			*listed = &mounts->all[i];
	return mounts_of(fd);
}

/* Of what its mount point leads to, which can be another one that lies over it. */
static void each_is_told_the_same_alone(void **state)
{
	const struct proc_mount *listed;
	size_t n = 0;

	(void)state;
	be_alone();
	const struct mounts *mounts = mounts_now();
	for (size_t i = 0; i < mounts->n; i++) {
		const struct proc_mount *told = mount_of(mounts->all[i].point, &listed);
		if (!listed)
			continue;
		assert_non_null(told);
		assert_int_equal(told->id, listed->id);
		assert_int_equal(told->dev, listed->dev);
		assert_string_equal(told->point, listed->point);
		assert_string_equal(told->type, listed->type);
		assert_string_equal(told->source, listed->source);
		n++;
	}
	assert_true(n > 1);
}

static void what_was_moved_is_told_anew(void **state)
{
	const struct proc_mount *listed;

	(void)state;
	be_alone();
	mount_one("three, of spaces");
	assert_string_equal(mount_of("/proc", &listed)->source, "three, of spaces");
	assert_int_equal(mount("/proc", "/sys", NULL, MS_MOVE, NULL), 0);
	assert_string_equal(mount_of("/sys", &listed)->source, "three, of spaces");
	assert_string_equal(mount_of("/sys", &listed)->point, "/sys");
	assert_int_equal(umount2("/sys", MNT_DETACH), 0);
}

/* From then on, statmount(2) is refused, as in a container. */
static bool refuse_question(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 457, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof code / sizeof code[0], code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int told_in_child(unsigned mask)
{
	const struct proc_mount *listed, *told = mount_of("/proc/self/status", &listed);
	cleanup_fd int fd = open("/proc/self/status", O_PATH | O_CLOEXEC);

	if (!told || told != listed || strcmp(told->type, "proc") != 0)
		return 2;
	if (!mounts_way_is_local(fd, "/proc/self/status"))
		return 3;
	return mounts_id_mask() == mask ? 0 : 4;
}

/* It is refused before it was asked for once, or later. */
static void the_list_tells_where_it_is_refused(void **state)
{
	(void)state;
	be_alone();
	for (unsigned first = 0; first < 2; first++) {
		int status;
		pid_t child = fork();
		if (child == 0) {
			unsigned mask = first ? mounts_id_mask() : STATX_MNT_ID;
			_exit(refuse_question() ? told_in_child(mask) : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	/* The first asks in no process that has asked before. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_tells_where_it_is_refused),
		cmocka_unit_test(each_is_told_the_same_alone),
		cmocka_unit_test(what_was_moved_is_told_anew),
		cmocka_unit_test(a_change_is_seen),
		cmocka_unit_test(a_child_takes_nothing_from_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
