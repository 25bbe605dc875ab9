/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every combination of facts matches one line of giveback.table, and is decided as it says. */
#include "claims/giveback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COLUMNS 12
#define MAX_LINES 128

static const char *const names[] = {
	[GIVEBACK_UNREADABLE] = "UNREADABLE",
	[GIVEBACK_CLAIM_UNCLEAR] = "CLAIM_UNCLEAR",
	[GIVEBACK_RELEASE_UNCLEAR] = "RELEASE_UNCLEAR",
	[GIVEBACK_OPEN_UNCLEAR] = "OPEN_UNCLEAR",
	[GIVEBACK_UNLOCKED] = "UNLOCKED",
	[GIVEBACK_LIBVIRT] = "LIBVIRT",
	[GIVEBACK_LIBVIRT_COUNT] = "LIBVIRT_COUNT",
	[GIVEBACK_STRANGERS] = "STRANGERS",
	[GIVEBACK_RESTORE] = "RESTORE",
};

static struct line {
	char columns[COLUMNS];
	char what[32];
	unsigned number, used;
} lines[MAX_LINES];
static size_t n_lines;

static void read_table(void)
{
	FILE *table = fopen("tests/unit/giveback.table", "re");
	char text[256];

	assert_non_null(table);
	for (unsigned number = 1; fgets(text, sizeof text, table); number++) {
		struct line *line = &lines[n_lines];
		char *c = line->columns;
		if (text[0] == '#')
			continue;
		assert_true(n_lines++ < MAX_LINES);
		line->number = number;
		assert_int_equal(sscanf(text, "%c %c %c %c %c %c %c %c %c %c %c %c %31s", c, c + 1,
					 c + 2, c + 3, c + 4, c + 5, c + 6, c + 7, c + 8, c + 9,
					 c + 10, c + 11, line->what),
			COLUMNS + 1);
	}
	fclose(table);
}

/* The facts in the letters of the table. */
static void describe(const struct giveback_facts *f, char columns[COLUMNS])
{
	const bool bits[COLUMNS] = {f->readable, f->held, f->counted, f->settled, false, false,
		false, f->names_target, f->was_targets, f->libvirt_open, f->strangers, f->locked};

	for (size_t i = 0; i < COLUMNS; i++)
		columns[i] = bits[i] ? '1' : '0';
	columns[4] = f->refs == 1 ? '1' : '+';
	columns[5] = f->refs_before == 0 ? '0' : f->refs <= f->refs_before ? '<' : '>';
	columns[6] = f->releasing == 0 ? '0' : f->releasing == f->refs - 1 ? '=' : '!';
}

static void check(const struct giveback_facts *facts)
{
	char columns[COLUMNS + 1] = "";
	const struct line *found = NULL;

	describe(facts, columns);
	for (size_t i = 0; i < n_lines; i++) {
		bool matches = true;
		for (size_t c = 0; c < COLUMNS; c++)
			matches = matches &&
				  (lines[i].columns[c] == '-' || lines[i].columns[c] == columns[c]);
		if (!matches)
			continue;
		if (found)
			fail_msg("%s matches lines %u and %u", columns, found->number,
				lines[i].number);
		found = &lines[i];
		lines[i].used++;
	}
	if (!found)
		fail_msg("%s matches no line", columns);
	const char *what = names[giveback_decide(facts)];
	if (strcmp(what, found->what) != 0)
		fail_msg("%s: %s, and line %u says %s", columns, what, found->number, found->what);
}

static void the_table_says_all(void **state)
{
	(void)state;
	read_table();
	for (unsigned bits = 0; bits < 1U << 9; bits++)
		for (unsigned refs = 1; refs <= 3; refs++)
			for (unsigned before = 0; before <= 3; before++)
				for (unsigned releasing = 0; releasing <= 3; releasing++) {
					const struct giveback_facts facts = {.readable = bits & 1,
						.held = bits & 2,
						.counted = bits & 4,
						.settled = bits & 8,
						.names_target = bits & 16,
						.was_targets = bits & 32,
						.libvirt_open = bits & 64,
						.strangers = bits & 128,
						.locked = bits & 256,
						.refs = refs,
						.refs_before = before,
						.releasing = releasing};
					check(&facts);
				}
	for (size_t i = 0; i < n_lines; i++)
		if (!lines[i].used)
			fail_msg("line %u matches nothing", lines[i].number);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_table_says_all)};

	return cmocka_run_group_tests_name("giveback", tests, NULL, NULL);
}
