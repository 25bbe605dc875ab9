/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which identities are one: those of earlier versions, of copies, of other boots. */
#include "path/fileid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#define UUID "0123456789abcdef0123456789abcdef"
#define OTHER "1123456789abcdef0123456789abcdef"

static void forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool valid, is_volatile, of_boot, source;
	} cases[] = {
		{"uuid:" UUID, true, false, false, false},
		{"uuid:1234abcd", true, false, false, false},
		{"dev:0:58", true, false, true, false},
		{"btrfs:" UUID ":" OTHER ":256", true, false, false, false},
		{"btrfs:" UUID, true, false, false, false},
		{"zfs:0011223344556677", true, false, false, false},
		{"source:nfs:server:/export", true, false, false, true},
		{"volatile:uuid:" UUID, true, true, false, false},
		{"volatile:dev:0:58", true, true, false, false},
		{"uuid:", false, false, false, false},
		{"volatile:", false, true, false, false},
		{"volatile:btrfs:" UUID, false, true, false, false},
		{"", false, false, false, false},
		{"ext4:" UUID, false, false, false, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(fsid_is_valid(cases[i].text), cases[i].valid);
		assert_int_equal(fsid_is_volatile(cases[i].text), cases[i].is_volatile);
		assert_int_equal(fsid_is_of_boot(cases[i].text), cases[i].of_boot);
		assert_int_equal(fsid_is_source(cases[i].text), cases[i].source);
	}
	char room[FSID_SIZE + 1];
	memset(room, 'a', sizeof room - 1);
	memcpy(room, "uuid:", 5);
	room[FSID_SIZE] = '\0';
	assert_false(fsid_is_valid(room));
	room[FSID_SIZE - 1] = '\0';
	assert_true(fsid_is_valid(room));
}

static void matches(void **state)
{
	(void)state;
	static const struct {
		const char *journalled, *now;
		bool same, same_base;
	} cases[] = {
		{"uuid:" UUID, "uuid:" UUID, true, true},
		{"uuid:" UUID, "uuid:" OTHER, false, false},
		/* Subvolumes, a snapshot's among them. */
		{"btrfs:" UUID ":" UUID ":256", "btrfs:" UUID ":" UUID ":256", true, true},
		{"btrfs:" UUID ":" UUID ":256", "btrfs:" UUID ":" OTHER ":257", false, true},
		{"btrfs:" UUID ":" UUID ":256", "btrfs:" OTHER ":" UUID ":256", false, false},
		/* What an earlier version wrote; the device number is 0:58 now. */
		{"dev:0:58", "btrfs:" UUID ":" UUID ":256", true, false},
		{"dev:0:59", "btrfs:" UUID ":" UUID ":256", false, false},
		{"dev:0:58", "source:nfs:server:/export", true, false},
		{"dev:0:58", "volatile:dev:0:58", true, false},
		{"uuid:" UUID, "volatile:uuid:" UUID, true, false},
		{"uuid:" UUID, "volatile:uuid:" OTHER, false, false},
		{"uuid:" UUID, "btrfs:" UUID ":" UUID ":256", false, false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(fsid_matches(cases[i].journalled, cases[i].now, makedev(0, 58)),
			cases[i].same);
		assert_int_equal(
			fsid_same_base(cases[i].journalled, cases[i].now), cases[i].same_base);
	}
}

static void equality(void **state)
{
	(void)state;
	const struct fileid now = {.filesystem = "source:fuse:x",
		.inode = 7,
		.born = -1,
		.dev = makedev(0, 58),
		.disk = {.dev = makedev(0, 58)}};
	struct fileid old = now;

	/* An earlier version kept FUSE's handles, too. */
	old.filesystem = "dev:0:58";
	old.dev = 0;
	old.handle_size = 12;
	assert_true(fileid_equal(&old, &now));
	assert_true(fileid_equal(&now, &old));
	old.inode = 8;
	assert_false(fileid_equal(&old, &now));
	/* A copy, on another disk, is the same one here. */
	old = now;
	old.disk = (struct disk){.dev = makedev(7, 1), .sequence = 3, .name = "serial:a"};
	assert_true(fileid_equal(&old, &now));
	old.handle_size = 3;
	assert_false(fileid_equal(&old, &now));
}

static void evidence(void **state)
{
	(void)state;
	static const struct {
		struct disk journalled, now;
		bool same_boot;
		enum disk_evidence evidence;
	} cases[] = {
		/* By number and sequence, within the boot alone. */
		{{0x701, 5, NULL}, {0x701, 5, NULL}, true, DISK_SAME},
		{{0x701, 5, NULL}, {0x701, 5, NULL}, false, DISK_UNKNOWN},
		{{0x701, 5, NULL}, {0x701, 6, NULL}, true, DISK_OTHER},
		{{0x701, 5, NULL}, {0x702, 5, NULL}, true, DISK_OTHER},
		{{0x701, 5, "loop:0:/a"}, {0x701, 5, "loop:0:/renamed"}, true, DISK_SAME},
		/* Where the kernel has no sequence, the name decides. */
		{{0x701, 0, "loop:0:/a"}, {0x701, 0, "loop:0:/b"}, true, DISK_OTHER},
		{{0x701, 0, NULL}, {0x701, 0, NULL}, true, DISK_SAME},
		{{0x701, 0, NULL}, {0x701, 5, "loop:0:/a"}, true, DISK_SAME},
		{{0x701, 0, "loop:0:/b"}, {0x701, 5, "loop:0:/a"}, true, DISK_OTHER},
		/* By name. */
		{{0x701, 5, "wwid:a"}, {0x801, 9, "wwid:a"}, false, DISK_SAME},
		{{0x701, 5, "wwid:a"}, {0x801, 9, "wwid:a"}, true, DISK_SAME},
		{{0x701, 5, "wwid:a"}, {0x701, 5, "wwid:b"}, false, DISK_OTHER},
		{{0x701, 5, "wwid:a"}, {0x701, 5, NULL}, false, DISK_UNKNOWN},
		/* An earlier version wrote neither. */
		{{0, 0, NULL}, {0x701, 5, "wwid:a"}, true, DISK_UNKNOWN},
		{{0, 0, NULL}, {0x701, 5, "wwid:a"}, false, DISK_UNKNOWN},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
			disk_compare(&cases[i].journalled, cases[i].same_boot, &cases[i].now, 1),
			cases[i].evidence);
	/* One of several, as of a RAID. */
	const struct disk all[] = {{0x801, 1, "wwid:b"}, {0x701, 5, "wwid:a"}};
	assert_int_equal(disk_compare(&cases[9].journalled, false, all, 2), DISK_SAME);
	assert_int_equal(disk_compare(&cases[9].journalled, false, all, 1), DISK_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(matches),
		cmocka_unit_test(equality),
		cmocka_unit_test(evidence),
	};
	return cmocka_run_group_tests_name("fileid", tests, NULL, NULL);
}
