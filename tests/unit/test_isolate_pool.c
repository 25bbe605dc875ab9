/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ids of VMs: what takes one. Starts of VMs: tests/run/isolate-ids.bats. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/subid.h"
#include "claims/journal.h"
#include "claims/runtime_ids.h"
#include "isolate/pool.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct id_range small = {.first = 90000, .count = 8};

/* What stands in a file, and which of the ids from 90000 on are taken by it. */
static const struct {
	void (*take)(struct pool_taken *taken, const char *text);
	const char *text, *taken;
} files[] = {
	{pool_take_subids, "", "........"},
	{pool_take_subids, "alice:100000:65536\nbob:524288:65536\n", "........"},
	{pool_take_subids, "virt-privileges:90000:8\n", "........"},
	{pool_take_subids, "qemu:90000:8\n", "XXXXXXXX"},
	{pool_take_subids, "alice:89990:11\nbob:90007:1", "X......X"},
	{pool_take_subids, "virt-privileges2:90003:1\n", "...X...."},
	{pool_take_subids, "virt-priv:90003:1\n", "...X...."},
	{pool_take_subids, "alice:0:99999999999999999999999\n", "XXXXXXXX"},
	{pool_take_subids, "alice:18446744073709551615:18446744073709551615\n", "........"},
	{pool_take_subids, "alice:90002:18446744073709551615\n", "..XXXXXX"},
	{pool_take_subids, "# a comment\nalice\n:\nalice:x:3\nalice:90001\n\n1000:90005:2\n",
		".....XX."},
	{pool_take_status, "Name:\tUid:\nState:\tS\nUid:\t1\t90002\t1\t1\nGid:\t1\t1\t1\t90003\n",
		"..XX...."},
	{pool_take_status, "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t36 90007 \n",
		".......X"},
	{pool_take_status,
		"Name:\tx\nState:\tZ (zombie)\nUid:\t1\t1\t1\t90002\nThreads:\t1\nSigQ:\t1\n",
		"........"},
	/* Others go on, or that can't be told. */
	{pool_take_status,
		"Name:\tx\nState:\tZ (zombie)\nUid:\t1\t1\t1\t90002\nThreads:\t2\nSigQ:\t1\n",
		"..X....."},
	{pool_take_status, "Name:\tx\nState:\tZ (zombie)\nUid:\t1\t90002\t90002\t90002\n",
		"..X....."},
	{pool_take_status, "Name:\tx\nFDSize:\t90001\nUid:\t0\t0\t0\t0\nVmPeak:\t90004 kB\n",
		"........"},
};

static void assert_taken(const struct pool_taken *taken, const char *expected, const char *text)
{
	char found[16] = "";

	for (unsigned i = 0; i < small.count; i++)
		found[i] = taken->is_taken[i] ? 'X' : '.';
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s, not %s", text, found, expected);
}

static void files_take_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		struct pool_taken taken;
		pool_taken_init(&taken, &small);
		files[i].take(&taken, files[i].text);
		assert_taken(&taken, files[i].taken, files[i].text);
		pool_taken_free(&taken);
	}
}

/* The lines of a file, as people are told of them. */
static void lines_of_subids(void **state)
{
	static const char text[] = "# no\nalice:89990:11\n\nx:1\nvirt-privileges:90000:8\n"
				   "virt-privileges2:99999999999999999999:1\nbob:1:2:3\n:5:6";
	static const struct {
		const char *line;
		unsigned number;
		unsigned long long first, count;
		bool is_reservation;
	} expected[] = {
		{"alice:89990:11", 2, 89990, 11, false},
		{"virt-privileges:90000:8", 5, 90000, 8, true},
		{"virt-privileges2:99999999999999999999:1", 6, ULLONG_MAX, 1, false},
		{"bob:1:2:3", 7, 1, 2, false},
		{":5:6", 8, 5, 6, false},
	};
	struct subid_line line = {0};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(expected); i++) {
		assert_true(subid_next(text, &line));
		assert_int_equal(line.length, strlen(expected[i].line));
		assert_memory_equal(line.begin, expected[i].line, line.length);
		assert_int_equal(line.name, strcspn(expected[i].line, ":"));
		assert_int_equal(line.number, expected[i].number);
		assert_true(line.first == expected[i].first);
		assert_true(line.count == expected[i].count);
		assert_int_equal(subid_is_reservation(&line), expected[i].is_reservation);
	}
	assert_false(subid_next(text, &line));
}

/* What a range has of that from 90000 to 90007. */
static void ranges_overlap(void **state)
{
	static const struct {
		unsigned long long first, count;
		unsigned n;
		uint32_t lowest;
	} ranges[] = {
		{89999, 1, 0, 0},
		{90008, 1, 0, 0},
		{90000, 0, 0, 0},
		{90000, 1, 1, 90000},
		{90007, 1, 1, 90007},
		{90007, 2, 1, 90007},
		{89999, 3, 2, 90000},
		{0, ULLONG_MAX, 8, 90000},
		{90004, ULLONG_MAX, 4, 90004},
		{ULLONG_MAX, ULLONG_MAX, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(ranges); i++) {
		uint32_t lowest;
		unsigned n = pool_overlap(&small, ranges[i].first, ranges[i].count, &lowest);
		assert_int_equal(n, ranges[i].n);
		assert_int_equal(lowest, ranges[i].lowest);
	}
}

/* Which names of RUNTIME_DIR are of ids of VMs. */
static void names_of_ids(void **state)
{
	static const struct {
		const char *name;
		uid_t id;
	} names[] = {
		{".id-90001", 90001},
		{".id-65536", 65536},
		{".id-99999", 99999},
		{".id-65535", 0},
		{".id-100000", 0},
		{".id-0", 0},
		{".id-", 0},
		{".id", 0},
		{".id-+90001", 0},
		{".id- 90001", 0},
		{".id-90001x", 0},
		{".id-99999999999999999999", 0},
		{"id-90001", 0},
		{".vm1.lock", 0},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		assert_int_equal(runtime_id_of(names[i].name), names[i].id);
}

/* Also what only one of its entries has, as owner or by an ACL. */
static void journals_take_ids(void **state)
{
	char *error = NULL;
	struct journal *one = journal_new("one", &error), *two = journal_new("two", &error);
	struct journal *all[] = {one, two};
	struct pool_taken taken;
	struct entry *e;

	(void)state;
	assert_null(error);
	e = journal_add(one);
	e->new_uid = 90001;
	e->new_gid = 90001;
	e = journal_add(two);
	e->kind = ENTRY_GRANT;
	e->new_uid = 107;
	e->new_gid = 107;
	e = journal_add(two);
	e->new_uid = 90004;
	e->new_gid = 90006;
	pool_taken_init(&taken, &small);
	pool_take_journals(&taken, all, N_ELEMENTS(all), NULL);
	assert_taken(&taken, ".X..X.X.", "journals");
	pool_taken_free(&taken);
	pool_taken_init(&taken, &small);
	pool_take_journals(&taken, all, N_ELEMENTS(all), "two");
	assert_taken(&taken, ".X......", "journals of other VMs");
	pool_taken_free(&taken);
	journal_free(one);
	journal_free(two);
}

static void names_spread(void **state)
{
	const struct id_range pool = {.first = 90000, .count = 8192};
	unsigned char seen[8192] = {0};
	unsigned different = 0;
	char name[16];

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "vm%u", i);
		unsigned start = pool_start(&pool, name);
		assert_true(start < pool.count);
		assert_int_equal(start, pool_start(&pool, name));
		different += !seen[start];
		seen[start] = 1;
	}
	/* By chance alone, 1000 of 8192 are 942 different ones. */
	assert_true(different > 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_take_ids),
		cmocka_unit_test(lines_of_subids),
		cmocka_unit_test(ranges_overlap),
		cmocka_unit_test(names_of_ids),
		cmocka_unit_test(journals_take_ids),
		cmocka_unit_test(names_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
