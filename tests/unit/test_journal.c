/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal's text: what is written is read back, and nothing else is read. */
#include "claims/journal.h"
#include "claims/journal_format.h"
#include "claims/journal_parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct entry examples[] = {
	{.kind = ENTRY_OWNER,
		.path = (char *)"/images/a \\ \n\xff\xc2\x80.qcow2",
		.type = 'f',
		.id = {.filesystem = "uuid:0123456789abcdef0123456789abcdef",
			.handle_type = 1,
			.handle_size = 3,
			.handle = {0, 0xff, 0x10},
			.inode = 12,
			.born = 1700000000,
			.born_nsec = 999999999,
			.disk = {.dev = 0xfd03, .sequence = 9, .name = "loop:0:/a \\ b.img"}},
		.old_uid = 0,
		.old_gid = 4294967294,
		.mode = 0640,
		.new_uid = 107,
		.new_gid = 107,
		.attributes = true,
		.refs_before = 2,
		.kept = (char *)"its file system is not mounted"},
	{.kind = ENTRY_GRANT,
		.path = (char *)"/",
		.type = 'd',
		.id = {.filesystem = "source:nfs:server:/a \n\\b", .inode = UINT64_MAX, .born = -1},
		.mode = 07777,
		.acl_before = (char *)"user::rwx,group::---,other::---",
		.acl_after = (char *)"user::rwx,user:107:--x,group::---,mask::--x,other::---"},
	{.kind = ENTRY_OWNER,
		.path = (char *)"/dev/dm-3",
		.type = 'b',
		.id = {.filesystem = "dev:0:6", .inode = 95, .born = -1},
		.rdev = 0x803,
		.mode = 0660,
		.new_uid = 107,
		.new_gid = 107},
};
#define N_EXAMPLES (sizeof examples / sizeof *examples)

/* What its owner could change of the first one. */
static void make_ownable(struct ownable *o)
{
	o->acl = strdup("user::rw-,user:6002:r--,group::r--,mask::r--,other::---");
	o->has_flags = true;
	o->flags = 0x40;
	o->project = UINT32_MAX;
	o->has_attributes = true;
	ownable_add(o, strdup("user. \\\n\xff"), calloc(1, 1), 1);
	ownable_add(o, strdup("user.empty"), calloc(1, 1), 0);
	o->n_expected = 2;
}

static struct journal *example(void)
{
	struct journal *journal = calloc(1, sizeof *journal);

	journal->name = strdup("vm-1");
	strcpy(journal->boot, "01234567-89ab-cdef-0123-456789abcdef");
	journal->boot_time = 1795552552;
	journal->holder = 123;
	journal->holder_start = 456;
	journal->holder_namespace = 789;
	for (size_t i = 0; i < N_EXAMPLES; i++) {
		struct entry *e = journal_add(journal);
		*e = examples[i];
		e->path = strdup(e->path);
		e->kept = e->kept ? strdup(e->kept) : NULL;
		e->acl_before = e->acl_before ? strdup(e->acl_before) : NULL;
		e->acl_after = e->acl_after ? strdup(e->acl_after) : NULL;
		if (i == 0)
			make_ownable(&e->ownable);
	}
	return journal;
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	for (int settled = 0; settled < 2; settled++) {
		struct journal *journal = example();
		char *error;
		journal->settled = settled;
		char *text = journal_format(journal);
		struct journal *back = journal_parse("x", text, strlen(text), &error);
		assert_non_null(back);
		assert_int_equal(back->settled, settled);
		assert_int_equal(back->holder, 123);
		assert_int_equal(back->holder_namespace, 789);
		assert_true(back->boot_time == 1795552552);
		assert_int_equal(back->n_entries, N_EXAMPLES);
		for (size_t i = 0; i < N_EXAMPLES; i++) {
			assert_string_equal(back->entries[i].path, examples[i].path);
			assert_true(fileid_equal(&back->entries[i].id, &examples[i].id));
			assert_true(back->entries[i].rdev == examples[i].rdev);
			assert_int_equal(back->entries[i].refs_before, examples[i].refs_before);
			const struct disk *disk = &back->entries[i].id.disk;
			assert_int_equal(disk->dev, examples[i].id.disk.dev);
			assert_int_equal(disk->sequence, examples[i].id.disk.sequence);
			if (examples[i].id.disk.name)
				assert_string_equal(disk->name, examples[i].id.disk.name);
			else
				assert_null(disk->name);
			assert_int_equal(!back->entries[i].kept, !examples[i].kept);
		}
		const struct ownable *o = &back->entries[0].ownable;
		assert_string_equal(
			o->acl, "user::rw-,user:6002:r--,group::r--,mask::r--,other::---");
		assert_true(o->has_flags && o->flags == 0x40 && o->project == UINT32_MAX);
		assert_int_equal(o->n_attributes, 2);
		assert_string_equal(o->attributes[0].name, "user. \\\n\xff");
		assert_int_equal(o->attributes[0].size, 1);
		assert_int_equal(o->attributes[1].size, 0);
		/* As in a journal of an earlier version. */
		o = &back->entries[1].ownable;
		assert_true(!o->acl && !o->has_flags && !o->has_attributes);
		char *again = journal_format(back);
		assert_string_equal(text, again);
		free(again);
		free(text);
		journal_free(back);
		journal_free(journal);
	}
}

static void a_part_is_refused(void **state)
{
	(void)state;
	struct journal *journal = example();
	char *text = journal_format(journal);

	for (size_t length = 0; length < strlen(text); length++) {
		char *error;
		char *part = malloc(length + 1);
		memcpy(part, text, length);
		assert_null(journal_parse("x", part, length, &error));
		assert_memory_equal(error, "x:", 2);
		free(error);
		free(part);
	}
	free(text);
	journal_free(journal);
}

/* Any byte can be another one: refused, or read as what can be written. */
static void other_bytes_do_no_harm(void **state)
{
	(void)state;
	static const char bytes[] = {0, '\n', ' ', '\\', '0', '9', 'f', ':', '/', '\x80', '-'};
	struct journal *journal = example();
	char *text = journal_format(journal);
	size_t length = strlen(text);

	for (size_t at = 0; at < length; at++) {
		for (size_t b = 0; b < sizeof bytes; b++) {
			char *error;
			char saved = text[at];
			text[at] = bytes[b];
			struct journal *back = journal_parse("x", text, length, &error);
			if (back) {
				char *again = journal_format(back);
				char *ignored;
				struct journal *third =
					journal_parse("x", again, strlen(again), &ignored);
				assert_non_null(third);
				journal_free(third);
				free(again);
			} else {
				free(error);
			}
			journal_free(back);
			text[at] = saved;
		}
	}
	free(text);
	journal_free(journal);
}

/* Lines of what an owner can change that nobody has written. */
static void other_lines_are_refused(void **state)
{
	(void)state;
	static const char *const bad_lines[] = {
		"acl \n",
		"flags 1 2 3 4\n",
		"flags 1 2 3 4 5 6\n",
		"flags 1  2 3 4 5\n",
		"flags 1 2 3 4 4294967296\n",
		"flags -1 2 3 4 5\n",
		"user-attributes x\n",
		"user-attributes 1\n",
		"user-attributes 0\nuser-attribute 0x user.a\n",
		"user-attribute 0x user.a\n",
		"user-attributes 1\nuser-attribute 0x trusted.a\n",
		"user-attributes 1\nuser-attribute 0x user.\n",
		"user-attributes 1\nuser-attribute 0x1 user.a\n",
		"user-attributes 1\nuser-attribute 0x1g user.a\n",
		"user-attributes 1\nuser-attribute 00 user.a\n",
		"user-attributes 1\nuser-attribute 0x00\n",
		"user-attributes 2\nuser-attribute 0x user.b\nuser-attribute 0x user.a\n",
		"user-attributes 2\nuser-attribute 0x user.a\nuser-attribute 0x user.a\n",
		"user-attributes 2\nuser-attribute 0x user.a\n",
	};
	struct journal *journal = example();
	ownable_free(&journal->entries[0].ownable);
	char *text = journal_format(journal);
	char *end = strstr(text, "end\n");

	for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
		char *error, *whole = malloc(strlen(text) + strlen(bad_lines[i]) + 1);
		sprintf(whole, "%.*s%s%s", (int)(end - text), text, bad_lines[i], end);
		assert_null(journal_parse("x", whole, strlen(whole), &error));
		free(error);
		free(whole);
	}
	free(text);
	journal_free(journal);
}

/* The text of the example and what was added to it. */
static struct journal *parse_with(const char *added, size_t length, size_t *size)
{
	struct journal *journal = example();
	char *text = journal_format(journal), *error;
	char *whole = malloc(strlen(text) + length);

	*size = strlen(text);
	memcpy(whole, text, *size);
	memcpy(whole + *size, added, length);
	struct journal *back = journal_parse("x", whole, *size + length, &error);
	assert_non_null(back);
	free(whole);
	free(text);
	journal_free(journal);
	return back;
}

static void what_is_added_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *added;
		size_t size; /* of what is read */
		bool settled;
		unsigned releasing[2];
	} cases[] = {
		{"settled\n", 8, true, {0, 0}},
		{"releasing 1 1\n", 14, false, {1, 0}},
		{"settled\nreleasing 2 7\nreleasing 1 4294967295\n", 45, true, {UINT32_MAX, 7}},
		/* The change that the line was for was not made. */
		{"settled\nreleasing 1 1\nreleasing 2 1", 22, true, {1, 0}},
		{"settled\nreleasing 1 1\nreleasing 2", 22, true, {1, 0}},
		{"settled\nre", 8, true, {0, 0}},
		/* Never written. */
		{"releasing 0 1\n", 0, false, {0, 0}},
		{"releasing 4 1\n", 0, false, {0, 0}},
		{"releasing 1 0\n", 0, false, {0, 0}},
		{"releasing 1 4294967296\n", 0, false, {0, 0}},
		{"releasing 1\n", 0, false, {0, 0}},
		{"releasing 1 \n", 0, false, {0, 0}},
		{"releasing 1 1 \n", 0, false, {0, 0}},
		{"releasing  1 1\n", 0, false, {0, 0}},
		{"releasing\nsettled\n", 0, false, {0, 0}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t end;
		struct journal *journal = parse_with(cases[i].added, strlen(cases[i].added), &end);
		assert_int_equal(journal->size, end + cases[i].size);
		assert_int_equal(journal->settled, cases[i].settled);
		assert_int_equal(journal->entries[0].releasing, cases[i].releasing[0]);
		assert_int_equal(journal->entries[1].releasing, cases[i].releasing[1]);
		char *text = journal_format(journal), *error;
		struct journal *back = journal_parse("x", text, strlen(text), &error);
		assert_non_null(back);
		assert_int_equal(back->size, strlen(text));
		assert_int_equal(back->entries[0].releasing, cases[i].releasing[0]);
		assert_int_equal(back->entries[1].releasing, cases[i].releasing[1]);
		journal_free(back);
		free(text);
		journal_free(journal);
	}
}

static void what_a_power_cut_leaves_behind_the_end(void **state)
{
	(void)state;
	static const char *const tails[] = {
		"", "s", "settled", "\0\0\0\0\0\0\0\n", "settled\0\n", "\n\n\n"};
	static const size_t lengths[] = {0, 1, 7, 8, 9, 3};

	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		size_t end;
		struct journal *journal = parse_with(tails[i], lengths[i], &end);
		assert_int_equal(journal->size, end);
		assert_false(journal->settled);
		journal_free(journal);
	}
}

/* The entries that have the object, one after the other, as a look at all of them finds them. */
static void assert_found(const struct journal *journal, const struct fileid *id)
{
	const struct entry *found = NULL;

	for (size_t i = 0; i < journal->n_entries; i++) {
		if (!fileid_equal(&journal->entries[i].id, id))
			continue;
		found = journal_find(journal, id, found);
		assert_ptr_equal(found, &journal->entries[i]);
	}
	assert_null(journal_find(journal, id, found));
}

static void assert_all_found(const struct journal *journal)
{
	struct fileid other = {.filesystem = "dev:0:7", .inode = 3, .born = -1};

	for (size_t i = 0; i < journal->n_entries; i++)
		assert_found(journal, &journal->entries[i].id);
	assert_found(journal, &other);
}

/* Some have an object in common, and others a bucket; asked at any number of them. */
static void each_object_is_found(void **state)
{
	(void)state;
	struct journal *journal = calloc(1, sizeof *journal);

	for (unsigned i = 0; i < 300; i++) {
		struct entry *e = journal_add(journal);
		e->id = (struct fileid){
			.filesystem = "dev:0:6", .inode = (uint64_t)(i % 40) << 3, .born = -1};
		e->done = i % 3 == 0;
		if (i % 16 < 3)
			assert_all_found(journal);
	}
	assert_all_found(journal);
	journal_drop_last(journal);
	journal_add(journal)->id = (struct fileid){.filesystem = "dev:0:6", .inode = 5, .born = -1};
	assert_all_found(journal);
	journal_sweep(journal);
	assert_int_equal(journal->n_entries, 200);
	assert_all_found(journal);
	journal_free(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_object_is_found),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_part_is_refused),
		cmocka_unit_test(other_bytes_do_no_harm),
		cmocka_unit_test(other_lines_are_refused),
		cmocka_unit_test(what_is_added_is_read),
		cmocka_unit_test(what_a_power_cut_leaves_behind_the_end),
	};
	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
