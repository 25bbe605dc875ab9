/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is mounted, read again when it has changed, by each process for itself. */
#include "base/cleanup.h"
#include "base/log.h"
#include "path/look.h"
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
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/*
 * By its number alone, or by the list.
 */

/* Below a directory of a tmpfs that lies over /sys. */
#define PLACE "/sys/a b\\\t"

static void begin_place(void)
{
	be_alone();
	assert_int_equal(mount("one, two\\", "/sys", "tmpfs", 0, NULL), 0);
	assert_int_equal(mkdir(PLACE, 0700), 0);
	assert_int_equal(mkdir(PLACE "/in", 0700), 0);
	assert_int_equal(mkdir(PLACE "/elsewhere", 0700), 0);
	assert_int_equal(mkdir("/sys/way", 0700), 0);
}

static void end_place(void)
{
	assert_int_equal(umount2("/sys", MNT_DETACH), 0);
}

static uint64_t number_of(int fd)
{
	struct statx stx;

	assert_int_equal(statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, 0, &stx), 0);
	return stx.stx_mnt_id;
}

/* What the list has of each mount, but for what lies below another one, is what is told of it. */
static size_t count_others(void)
{
	const struct mounts *mounts = mounts_now();
	size_t n = 0;

	for (size_t i = 0; i < mounts->n; i++) {
		const struct proc_mount *listed = &mounts->all[i];
		cleanup_fd int fd = open(listed->point, O_PATH | O_CLOEXEC);
		if (fd < 0 || number_of(fd) != listed->id)
			continue;
		const struct proc_mount *told = mounts_of(fd);
		if (told && told->id == listed->id && told->dev == listed->dev &&
			strcmp(told->point, listed->point) == 0 &&
			strcmp(told->type, listed->type) == 0 &&
			strcmp(told->source, listed->source) == 0)
			continue;
		print_message("not as it is listed: %s\n", listed->point);
		n++;
	}
	return n;
}

/* From here on, statmount(2) is refused, as by the filter of a unit or a container. */
static void refuse(void)
{
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2 + 20, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof rules / sizeof rules[0], .filter = rules};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(2);
}

static void assert_child_good(bool (*is_good)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		refuse();
		_exit(is_good() ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static bool all_as_listed(void)
{
	return mounts_now()->n > 0 && count_others() == 0;
}

static void each_is_told_as_it_is_listed(void **state)
{
	(void)state;
	begin_place();
	assert_int_equal(mount("in it", PLACE "/in", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount("over it", PLACE "/in", "tmpfs", 0, NULL), 0);
	assert_int_equal(mount(PLACE "/elsewhere", PLACE "/elsewhere", NULL, MS_BIND, NULL), 0);
	/* It is refused from the beginning; never; after it was granted. */
	assert_child_good(all_as_listed);
	assert_true(all_as_listed());
	assert_child_good(all_as_listed);
	assert_int_equal(mount(PLACE "/in", "/sys/way", NULL, MS_MOVE, NULL), 0);
	assert_true(all_as_listed());
	end_place();
}

static bool is_known(const char *path)
{
	cleanup_fd int fd = look_known(path);

	return fd >= 0;
}

static bool is_told(bool is_so, const char *what)
{
	if (!is_so)
		print_message("not so: %s\n", what);
	return is_so;
}
#define IS(condition) is_told(condition, #condition)

/* A file system of somebody who never answers lies on PLACE/in, and what is local over it. */
static bool way_counts(void)
{
	uid_t user = (uid_t)-1;
	int silent = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	cleanup_free char *options =
		xasprintf("fd=%d,rootmode=40000,user_id=%u,group_id=0", silent, getuid());

	if (!IS(is_known(PLACE "/in")) ||
		!IS(mount("silent", PLACE "/in", "fuse.silent", 0, options) == 0))
		return false;
	cleanup_fd int root = open(PLACE "/in", O_PATH | O_CLOEXEC);
	bool good = IS(look_is_fuse(root, -1, &user) == 1) && IS(user == getuid()) &&
		    IS(!look_is_local(root, -1)) && IS(!is_known(PLACE "/in")) &&
		    IS(mount("over it", PLACE "/in", "tmpfs", 0, NULL) == 0) &&
		    IS(!is_known(PLACE "/in")) && IS(is_known(PLACE)) &&
		    IS(mount(PLACE "/in", "/sys/way", NULL, MS_MOVE, NULL) == 0) &&
		    IS(is_known("/sys/way")) && IS(is_known("/sys//way/.")) &&
		    IS(!is_known("/sys/way/none")) && IS(!is_known(PLACE "/in")) &&
		    IS(mount("/sys/way", PLACE "/in", NULL, MS_MOVE, NULL) == 0) &&
		    IS(!is_known(PLACE "/in")) && IS(!is_known(PLACE "//in")) &&
		    IS(!is_known(PLACE "/in/.")) && IS(!is_known("/sys/way/../a b\\\t/in"));
	good = IS(umount2(PLACE "/in", MNT_DETACH) == 0) && good;
	good = IS(umount2(PLACE "/in", MNT_DETACH) == 0) && good;
	close(silent);
	return good;
}

static void what_lies_below_is_on_the_way(void **state)
{
	(void)state;
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		skip();
	begin_place();
	assert_child_good(way_counts);
	assert_true(way_counts());
	end_place();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* This one first: a process that was refused once does not ask again. */
		cmocka_unit_test(what_lies_below_is_on_the_way),
		cmocka_unit_test(each_is_told_as_it_is_listed),
		cmocka_unit_test(a_change_is_seen),
		cmocka_unit_test(a_child_takes_nothing_from_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
