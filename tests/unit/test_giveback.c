/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every combination of facts matches one line of a table, and is decided as it says. */
#include "claims/giveback.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_COLUMNS 12
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

struct line {
	char columns[MAX_COLUMNS];
	char what[32];
	unsigned number, used;
};

struct table {
	const char *name;
	size_t n_columns, n_lines;
	struct line lines[MAX_LINES];
};

/* A letter for each column with blanks between, a blank, and what is decided. */
static void read_table(struct table *table)
{
	char path[64], text[256];

	snprintf(path, sizeof path, "tests/unit/%s", table->name);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	for (unsigned number = 1; fgets(text, sizeof text, file); number++) {
		struct line *line = &table->lines[table->n_lines];
		char end;
		if (text[0] == '#')
			continue;
		assert_true(table->n_lines++ < MAX_LINES);
		assert_true(strlen(text) > 2 * table->n_columns);
		line->number = number;
		for (size_t i = 0; i < table->n_columns; i++) {
			line->columns[i] = text[2 * i];
			assert_int_equal(text[2 * i + 1], ' ');
		}
		assert_int_equal(
			sscanf(text + 2 * table->n_columns, "%31s %c", line->what, &end), 1);
	}
	fclose(file);
}

static bool matches(const struct table *table, const struct line *line, const char *columns)
{
	for (size_t i = 0; i < table->n_columns; i++)
		if (line->columns[i] != '-' && line->columns[i] != columns[i])
			return false;
	return true;
}

/* The combination has one line, which says what was decided. */
static void check(struct table *table, const char *columns, const char *what)
{
	struct line *found = NULL;

	for (size_t i = 0; i < table->n_lines; i++) {
		struct line *line = &table->lines[i];
		if (!matches(table, line, columns))
			continue;
		if (found)
			fail_msg("%s: %s matches lines %u and %u", table->name, columns,
				found->number, line->number);
		found = line;
		line->used++;
	}
	if (!found)
		fail_msg("%s: %s matches no line", table->name, columns);
	if (strcmp(what, found->what) != 0)
		fail_msg("%s: %s: %s, and line %u says %s", table->name, columns, what,
			found->number, found->what);
}

static void check_used(const struct table *table)
{
	for (size_t i = 0; i < table->n_lines; i++)
		if (!table->lines[i].used)
			fail_msg(
				"%s: line %u matches nothing", table->name, table->lines[i].number);
}

/* The facts in the letters of giveback.table. */
static void describe(const struct giveback_facts *f, char columns[MAX_COLUMNS + 1])
{
	const bool bits[MAX_COLUMNS] = {f->readable, f->held, f->counted, f->settled, false, false,
		false, f->names_target, f->was_targets, f->libvirt_open, f->strangers, f->locked};

	for (size_t i = 0; i < MAX_COLUMNS; i++)
		columns[i] = bits[i] ? '1' : '0';
	columns[4] = f->refs == 1 ? '1' : '+';
	columns[5] = f->refs_before == 0 ? '0' : f->refs <= f->refs_before ? '<' : '>';
	columns[6] = f->releasing == 0 ? '0' : f->releasing == f->refs - 1 ? '=' : '!';
	columns[MAX_COLUMNS] = '\0';
}

static struct table decisions = {.name = "giveback.table", .n_columns = 12};
static struct table asks = {.name = "giveback-asks.table", .n_columns = 4};
static struct table steps = {.name = "giveback-steps.table", .n_columns = 5};

static void check_facts(const struct giveback_facts *f)
{
	char columns[MAX_COLUMNS + 1];

	describe(f, columns);
	check(&decisions, columns, names[giveback_decide(f)]);
	const char asked[] = {f->counted ? '1' : '0', f->refs == 1 ? '1' : '+',
		f->refs_before ? '+' : '0', f->releasing ? '+' : '0', '\0'};
	check(&asks, asked, giveback_asks_who(f) ? "yes" : "no");
}

static void the_tables_say_all(void **state)
{
	(void)state;
	read_table(&decisions);
	read_table(&asks);
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
					check_facts(&facts);
				}
	check_used(&decisions);
	check_used(&asks);
}

static void the_steps_are_those(void **state)
{
	(void)state;
	read_table(&steps);
	for (unsigned bits = 0; bits < 1U << 5; bits++) {
		const struct giveback_facts f = {.names_target = bits & 1,
			.names_other = bits & 2,
			.attributes = bits & 4,
			.releasing = bits & 8 ? 1 : 0};
		bool counts = bits & 16;
		const struct giveback_steps s =
			giveback_steps(&f, counts ? GIVEBACK_LIBVIRT_COUNT : GIVEBACK_LIBVIRT);
		const char columns[] = {counts ? '1' : '0', f.names_target ? '1' : '0',
			f.names_other ? '1' : '0', f.attributes ? '1' : '0',
			f.releasing ? '+' : '0', '\0'};
		const char what[] = {s.forget ? 'f' : '-', s.correct ? 'c' : '-',
			s.announce ? 'a' : '-', s.count ? 'n' : '-', '\0'};
		check(&steps, columns, what);
	}
	check_used(&steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tables_say_all), cmocka_unit_test(the_steps_are_those)};

	return cmocka_run_group_tests_name("giveback", tests, NULL, NULL);
}
