/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which objects share bytes, and what the host uses, by trees that look like /sys and /proc. Each
 * file of block.d is one: what it has, then what must hold. An object is a block device
 * (MAJOR:MINOR), a character device (cMAJOR:MINOR) or a file; "@" is the tree's directory.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "path/block_use.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#define CASES "tests/unit/block.d"

static char root[64];

/* The file of a path of the tree; the directories above it are made. */
static char *place(const char *path)
{
	char *full = xasprintf("%s/%s", root, path);

	for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	return full;
}

static void put(const char *path, const char *text, const char *mode)
{
	cleanup_free char *full = place(path);
	cleanup_file FILE *out = fopen(full, mode);

	assert_non_null(out);
	fprintf(out, "%s\n", text);
}

static void put_link(const char *path, const char *target)
{
	cleanup_free char *full = place(path);

	assert_int_equal(symlink(target, full), 0);
}

static void put_in(const char *dir, const char *name, const char *text)
{
	cleanup_free char *path = xasprintf("%s/%s", dir, name);

	put(path, text, "w");
}

/* A device's directory below block/, by which it is found, too. */
static void device(const char *place_, const char *name, const char *number)
{
	cleanup_free char *dir = xasprintf("block/%s", place_);
	cleanup_free char *uevent = xasprintf("MAJOR=1\nDEVNAME=%s", name);
	cleanup_free char *link_ = xasprintf("dev/block/%s", number);
	cleanup_free char *target = xasprintf("../../%s", dir);

	put_in(dir, "dev", number);
	put_in(dir, "uevent", uevent);
	put_link(link_, target);
}

static void partition(char *rest)
{
	char disk[32], name[32], number[32], start[32], size[32];

	assert_int_equal(
		sscanf(rest, "%31s %31s %31s %31s %31s", disk, name, number, start, size), 5);
	cleanup_free char *at = xasprintf("%s/%s", disk, name);
	cleanup_free char *dir = xasprintf("block/%s", at);
	device(at, name, number);
	put_in(dir, "partition", "1");
	put_in(dir, "start", start);
	put_in(dir, "size", size);
}

static void loop(char *rest)
{
	char name[32], file[64], offset[32], size[32];

	assert_int_equal(sscanf(rest, "%31s %63s %31s %31s", name, file, offset, size), 4);
	cleanup_free char *dir = xasprintf("block/%s/loop", name);
	cleanup_free char *full = place(file);
	put_in(dir, "backing_file", full);
	put_in(dir, "offset", offset);
	put_in(dir, "sizelimit", size);
}

static void mount_line(char *rest)
{
	char number[32], where[64], source[64] = "";
	static unsigned id;

	int words = sscanf(rest, "%31s %63s %63s", number, where, source);
	assert_true(words == 2 || words == 3);
	if (!*source) {
		cleanup_free char *uevent = xasprintf("%s/dev/block/%s/uevent", root, number);
		cleanup_file FILE *in = fopen(uevent, "r");
		assert_non_null(in);
		strcpy(source, "/dev/");
		assert_int_equal(fscanf(in, "MAJOR=1\nDEVNAME=%50s", source + 5), 1);
	}
	cleanup_free char *line = xasprintf(
		"%u 1 %s / %s rw,relatime shared:1 - ext4 %s rw", ++id, number, where, source);
	put("self/mountinfo", line, "a");
}

static struct stat status_of(const char *object)
{
	struct stat st = {.st_mode = *object == 'c' ? S_IFCHR : S_IFBLK};
	unsigned a, b;

	if (sscanf(object + (*object == 'c'), "%u:%u", &a, &b) == 2) {
		st.st_rdev = makedev(a, b);
	} else {
		cleanup_free char *path = place(object);
		assert_int_equal(stat(path, &st), 0);
	}
	return st;
}

static struct block_view *view_of_tree(void)
{
	cleanup_free char *error = NULL;
	cleanup_fd int dir = open(root, O_PATH | O_DIRECTORY);
	struct block_view *view = block_view_new(dir, dir, false, &error);

	if (!view || !block_view_read_mounts(view, &error))
		fail_msg("%s", error);
	return view;
}

static void ground_of(const struct block_view *view, const char *object,
	struct block_ground *ground, char **error)
{
	struct stat st = status_of(object);

	if (!block_ground_of(view, -1, &st, object, ground, error))
		assert_non_null(*error);
}

/* Both ways round. */
static void check_share(const char *line, char *rest, bool wanted)
{
	struct block_view *view = view_of_tree();
	cleanup_free char *error = NULL;
	struct block_ground a, b;
	char one[64], other[64];
	size_t at, other_at;

	assert_int_equal(sscanf(rest, "%63s %63s", one, other), 2);
	ground_of(view, one, &a, &error);
	ground_of(view, other, &b, &error);
	if (error)
		fail_msg("%s: %s", line, error);
	if (block_shares(&a, &b, &at, &other_at) != wanted ||
		block_shares(&b, &a, &at, &other_at) != wanted)
		fail_msg("%s: not so", line);
	block_ground_free(&a);
	block_ground_free(&b);
	block_view_free(view);
}

static void check_use(const char *line, char *rest, bool wanted)
{
	struct block_view *view = view_of_tree();
	cleanup_free char *error = NULL, *use = NULL, *text = NULL;
	struct block_ground ground;
	char *blank = strchr(rest, ' ');

	if (wanted) {
		*blank++ = '\0';
		text = *blank == '@' ? xasprintf("%s%s", root, blank + 1) : xstrdup(blank);
	}
	ground_of(view, rest, &ground, &error);
	assert_true(block_used_by(view, &ground, &use, &error));
	if (wanted ? !use || strcmp(use, text) != 0 : use != NULL)
		fail_msg("%s: %s", line, use ? use : "unused");
	block_ground_free(&ground);
	block_view_free(view);
}

static void check_unknown(const char *line, char *rest)
{
	struct block_view *view = view_of_tree();
	cleanup_free char *error = NULL;
	struct block_ground ground;
	char *blank = strchr(rest, ' ');

	*blank++ = '\0';
	ground_of(view, rest, &ground, &error);
	if (!error || strcmp(error, blank) != 0)
		fail_msg("%s: %s", line, error ? error : "known");
	block_ground_free(&ground);
	block_view_free(view);
}

static void put_swap(const char *path)
{
	cleanup_free char *full = place(path);
	cleanup_free char *line = xasprintf("%s\tfile\t1024\t0\t-2", full);

	put("swaps", line, "a");
}

static void act(const char *line)
{
	cleanup_free char *copy = xstrdup(line);
	char *rest = strchr(copy, ' ');
	char *blank;

	assert_non_null(rest);
	*rest++ = '\0';
	blank = strchr(rest, ' ');
	if (strcmp(copy, "device") == 0) {
		*blank = '\0';
		device(rest, rest, blank + 1);
		cleanup_free char *slaves = xasprintf("block/%s/slaves/", rest);
		free(place(slaves));
	} else if (strcmp(copy, "partition") == 0) {
		partition(rest);
	} else if (strcmp(copy, "member") == 0) {
		*blank = '\0';
		const char *slash = strrchr(blank + 1, '/');
		cleanup_free char *path =
			xasprintf("block/%s/slaves/%s", rest, slash ? slash + 1 : blank + 1);
		cleanup_free char *target = xasprintf("../../%s", blank + 1);
		put_link(path, target);
	} else if (strcmp(copy, "loop") == 0) {
		loop(rest);
	} else if (strcmp(copy, "text") == 0) {
		*blank = '\0';
		put(rest, blank + 1, "w");
	} else if (strcmp(copy, "link") == 0) {
		*blank = '\0';
		put_link(rest, blank + 1);
	} else if (strcmp(copy, "file") == 0) {
		put(rest, "data", "w");
	} else if (strcmp(copy, "mount") == 0) {
		mount_line(rest);
	} else if (strcmp(copy, "swap") == 0) {
		put_swap(rest);
	} else if (strcmp(copy, "shares") == 0 || strcmp(copy, "apart") == 0) {
		check_share(line, rest, *copy == 's');
	} else if (strcmp(copy, "used") == 0 || strcmp(copy, "unused") == 0) {
		check_use(line, rest, copy[2] == 'e');
	} else if (strcmp(copy, "unknown") == 0) {
		check_unknown(line, rest);
	} else {
		fail_msg("no such line: %s", line);
	}
}

static void run_case(const char *name)
{
	cleanup_free char *path = xasprintf(CASES "/%s", name);
	cleanup_file FILE *in = fopen(path, "r");
	cleanup_free char *line = NULL;
	size_t size = 0;

	assert_non_null(in);
	strcpy(root, "/tmp/block.XXXXXX");
	assert_non_null(mkdtemp(root));
	put("self/mountinfo", "1 1 0:1 / /proc rw - proc proc rw", "w");
	put("swaps", "Filename\tType\tSize\tUsed\tPriority", "w");
	free(place("block/"));
	print_message("%s\n", name);
	while (getline(&line, &size, in) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			act(line);
	}
	cleanup_free char *remove_ = xasprintf("rm -rf %s", root);
	assert_int_equal(system(remove_), 0);
}

static void test_trees(void **state)
{
	cleanup_dir DIR *dir = opendir(CASES);
	struct dirent *d;
	size_t n = 0;

	(void)state;
	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.') {
			run_case(d->d_name);
			n++;
		}
	assert_true(n >= 9 && n <= 1000);
}

/* Without sysfs, files are compared, and nothing of a device is taken for known. */
static void test_without_sysfs(void **state)
{
	cleanup_free char *error = NULL, *use = NULL;
	struct stat st = {.st_mode = S_IFBLK, .st_rdev = makedev(8, 0)};
	struct block_ground ground;

	(void)state;
	strcpy(root, "/tmp/block.XXXXXX");
	assert_non_null(mkdtemp(root));
	put("self/mountinfo", "1 1 0:1 / /proc rw - proc proc rw", "w");
	struct block_view *view = view_of_tree();
	assert_true(block_ground_of(view, -1, &st, "/dev/sda", &ground, &error));
	assert_false(block_used_by(view, &ground, &use, &error));
	assert_non_null(strstr(error, "/sys/block"));
	block_ground_free(&ground);
	block_view_free(view);
	cleanup_free char *remove_ = xasprintf("rm -rf %s", root);
	assert_int_equal(system(remove_), 0);
}

/* As many as a user of udisks can have made: files are claimed all the same. */
static void test_many_loops(void **state)
{
	cleanup_free char *error = NULL;
	struct block_ground ground, file;
	size_t at, other_at;

	(void)state;
	strcpy(root, "/tmp/block.XXXXXX");
	assert_non_null(mkdtemp(root));
	put("self/mountinfo", "1 1 0:1 / /proc rw - proc proc rw", "w");
	put("images/a.img", "data", "w");
	for (unsigned i = 0; i < 3000; i++) {
		cleanup_free char *name = xasprintf("loop%u", i);
		cleanup_free char *number = xasprintf("7:%u", i);
		cleanup_free char *what = xasprintf("%s images/a.img 0 0", name);
		device(name, name, number);
		loop(what);
	}
	struct block_view *view = view_of_tree();
	ground_of(view, "7:2999", &ground, &error);
	ground_of(view, "images/a.img", &file, &error);
	assert_null(error);
	assert_true(block_shares(&ground, &file, &at, &other_at));
	block_ground_free(&ground);
	block_ground_free(&file);
	block_view_free(view);
	cleanup_free char *remove_ = xasprintf("rm -rf %s", root);
	assert_int_equal(system(remove_), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_loops),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_without_sysfs),
	};

	log_init("test_block_relation", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
