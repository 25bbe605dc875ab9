/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a command line is parsed by a table of options. */
#include "base/options.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* After those that it needs. */
#include <cmocka.h>

enum colour { RED, GREEN, BLUE };
enum command { GET, SET, LIST };

struct values {
	const char *file;
	struct option_texts names;
	enum colour colour;
	pid_t pid;
	unsigned seconds;
	bool all, force;
};

static bool stop_here(const struct option_row *row, void *field, const char *argument, char **error)
{
	(void)row, (void)field, (void)argument, (void)error;
	return false;
}

static const struct option_row rows[] = {
	{"file", 'f', "FILE", OPTION_FILE, "a file", OPTION_TEXT(struct values, file)},
	{"name", 'n', "NAME", OPTION_ANYTHING, "names", OPTION_TEXTS(struct values, names)},
	{"colour", 0, "=COLOUR", OPTION_WORD, "one of three", OPTION_CHOICE(struct values, colour),
		.words = "red green blue", .commands = OPTION_FOR(SET)},
	{"pid", 0, "PID", OPTION_PROCESS, "a process", OPTION_PID(struct values, pid)},
	{"seconds", 0, "N", OPTION_ANYTHING, "seconds", OPTION_SECONDS(struct values, seconds)},
	{"all", 'a', NULL, OPTION_NONE, "all", OPTION_FLAG(struct values, all),
		.commands = OPTION_FOR(SET) | OPTION_FOR(LIST)},
	{"force", 0, NULL, OPTION_NONE, "force", OPTION_FLAG(struct values, force)},
	{"stop", 0, NULL, OPTION_NONE, "stop", OPTION_CALL(stop_here)},
	{0},
};

static const struct option_command commands[] = {
	[GET] = {"get", "get KEY", "get", {1, 1, OPTION_ANYTHING, NULL}},
	[SET] = {"set", "set KEY VALUE", "set", {2, 2, OPTION_ANYTHING, NULL}},
	[LIST] = {"list", NULL, NULL, {0, OPTION_ANY_NUMBER, OPTION_FILE, NULL}},
	{0},
};

static const struct option_table plain = {
	.program = "tool", .rows = rows, .operands = {0, 1, OPTION_ANYTHING, NULL}};
static const struct option_table wrapper = {.program = "tool",
	.rows = rows,
	.operands = {0, OPTION_ANY_NUMBER, OPTION_COMMAND, NULL},
	.in_order = true};
static const struct option_table in_order = {
	.program = "tool", .rows = rows, .commands = commands, .in_order = true};
static const struct option_table anywhere = {.program = "tool", .rows = rows, .commands = commands};

struct parsed {
	bool good;
	struct values values;
	struct option_words words;
	char *error;
	char *text, *argv[16];
};

/* The line, of words separated by one space. end() releases *p. */
static void parse(struct parsed *p, const struct option_table *table, const char *line)
{
	int argc = 0;
	char *rest;

	*p = (struct parsed){.error = (char *)"not cleared"};
	p->text = rest = xstrdup(line);
	p->argv[argc++] = (char *)"tool";
	while (*line && rest)
		p->argv[argc++] = strsep(&rest, " ");
	p->good = options_parse(table, argc, p->argv, &p->values, &p->words, &p->error);
}

static void end(struct parsed *p)
{
	free(p->values.names.items);
	free(p->error);
	free(p->text);
}

static void takes_each_kind(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, &anywhere,
		"set -f x --name=a -nb --colour blue --pid 7 --seconds 0 -a k --force v");

	assert_true(p.good);
	assert_null(p.error);
	assert_string_equal(p.values.file, "x");
	assert_int_equal(p.values.names.n, 2);
	assert_string_equal(p.values.names.items[0], "a");
	assert_string_equal(p.values.names.items[1], "b");
	assert_int_equal(p.values.colour, BLUE);
	assert_int_equal(p.values.pid, 7);
	assert_true(p.values.all && p.values.force);
	assert_int_equal(p.words.command, SET);
	assert_int_equal(p.words.n, 2);
	assert_string_equal(p.words.operands[1], "v");
	end(&p);
}

static void knows_where_options_end(void **state)
{
	(void)state;
	static const struct {
		const struct option_table *table;
		const char *line;
		size_t n;
		const char *first;
		bool force;
	} cases[] = {
		{&plain, "x --force", 1, "x", true},
		{&plain, "--force -- --all", 1, "--all", true},
		{&wrapper, "--force x --all", 2, "x", true},
		{&wrapper, "-- --force", 1, "--force", false},
		{&wrapper, "", 0, NULL, false},
		{&in_order, "get --forc x", 1, "x", true},
		{&in_order, "-- get --force x", 1, "x", true},
		{&in_order, "set k -1", 2, "k", false},
		{&in_order, "get -- -f", 1, "-f", false},
		{&anywhere, "--force get x", 1, "x", true},
		{&anywhere, "get -- --force", 1, "--force", false},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;
		parse(&p, cases[i].table, cases[i].line);
		assert_true(p.good);
		assert_int_equal(p.words.n, cases[i].n);
		assert_int_equal(p.values.force, cases[i].force);
		if (cases[i].first)
			assert_string_equal(p.words.operands[0], cases[i].first);
		end(&p);
	}
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const struct option_table *table;
		const char *line, *error;
	} cases[] = {
		{&plain, "a b", "extra operand 'b'; try: tool --help"},
		{&plain, "--nothing", "try: tool --help"},
		{&plain, "--f x", "try: tool --help"},
		{&plain, "--pid 0", "--pid 0: invalid process id"},
		{&plain, "--pid +1", "--pid +1: invalid process id"},
		{&plain, "--pid 2147483648", "--pid 2147483648: invalid process id"},
		{&plain, "--seconds 1s", "--seconds 1s: expected a number of seconds"},
		{&plain, "--seconds 2147484", "--seconds 2147484: expected a number of seconds"},
		{&plain, "--colour re", "--colour re: expected red, green or blue"},
		{&plain, "--colour=", "--colour : expected red, green or blue"},
		{&in_order, "", "missing command; try: tool --help"},
		{&in_order, "gets", "unknown command 'gets'; try: tool --help"},
		{&in_order, "get", "missing operand after 'get'; try: tool --help"},
		{&in_order, "set k", "missing operand after 'k'; try: tool --help"},
		{&in_order, "get k -a",
			"extra operand '-a'; options precede operands; try: tool --help"},
		{&anywhere, "get --all k", "get: option --all is not allowed; try: tool --help"},
		{&anywhere, "--colour red list",
			"list: option --colour is not allowed; try: tool --help"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct parsed p;
		parse(&p, cases[i].table, cases[i].line);
		assert_false(p.good);
		assert_string_equal(p.error, cases[i].error);
		end(&p);
	}
}

static void ends_where_nothing_is_left_to_do(void **state)
{
	struct parsed p;

	(void)state;
	parse(&p, &plain, "--force --stop --nothing");

	assert_false(p.good);
	assert_null(p.error);
	assert_true(p.values.force);
	end(&p);
}

static void begins_anew(void **state)
{
	(void)state;
	/* Stopped in the midst of a word, which can hold several letters. */
	struct parsed p, q;

	parse(&p, &plain, "-az");
	parse(&q, &plain, "-f y");

	assert_false(p.good);
	assert_true(q.good);
	assert_string_equal(q.values.file, "y");
	end(&p);
	end(&q);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_each_kind),
		cmocka_unit_test(knows_where_options_end),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(ends_where_nothing_is_left_to_do),
		cmocka_unit_test(begins_anew),
	};

	log_init("test_options", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
