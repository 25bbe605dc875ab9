/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/options.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Rows of every table, behind its own. */
static const struct option_row common_rows[] = {
	{.name = "help", .letter = 'h', .help = "print this help"},
	{.name = "version", .help = "print the version"},
};
#define N_COMMON N_ELEMENTS(common_rows)

static size_t count_rows(const struct option_table *table)
{
	size_t n = 0;

	while (table->rows[n].name)
		n++;
	return n;
}

const struct option_row *options_row(const struct option_table *table, size_t i)
{
	size_t n = count_rows(table);

	if (i < n)
		return &table->rows[i];
	return i < n + N_COMMON ? &common_rows[i - n] : NULL;
}

bool option_store_flag(
	const struct option_row *row, void *field, const char *argument, char **error)
{
	(void)row;
	(void)argument;
	(void)error;
	*(bool *)field = true;
	return true;
}

bool option_store_text(
	const struct option_row *row, void *field, const char *argument, char **error)
{
	(void)row;
	(void)error;
	*(const char **)field = argument;
	return true;
}

bool option_store_texts(
	const struct option_row *row, void *field, const char *argument, char **error)
{
	struct option_texts *texts = field;

	(void)row;
	(void)error;
	ARRAY_GROW(texts->items, texts->n);
	texts->items[texts->n++] = argument;
	return true;
}

/* "a, b or c", of "a b c"; new. */
static char *alternatives(const char *words)
{
	char *text = xstrdup("");

	while (*words) {
		size_t length = strcspn(words, " ");
		bool is_last = !words[length];
		cleanup_free char *before = text;
		text = xasprintf("%s%s%.*s", before,
			!*before  ? ""
			: is_last ? " or "
				  : ", ",
			(int)length, words);
		words += length + !is_last;
	}
	return text;
}

bool option_store_choice(
	const struct option_row *row, void *field, const char *argument, char **error)
{
	unsigned number = 0;

	for (const char *word = row->words; *word; number++) {
		size_t length = strcspn(word, " ");
		if (length == strlen(argument) && strncmp(word, argument, length) == 0) {
			memcpy(field, &number, sizeof number);
			return true;
		}
		word += length + (word[length] == ' ');
	}
	cleanup_free char *expected = alternatives(row->words);
	*error = xasprintf("--%s %s: expected %s", row->name, argument, expected);
	return false;
}

/* strtol(3) takes signs and space, too. */
static bool parse_number(const char *text, long max, long *number)
{
	char *end;

	errno = 0;
	*number = strtol(text, &end, 10);
	return *text >= '0' && *text <= '9' && !errno && !*end && *number <= max;
}

bool option_store_pid(const struct option_row *row, void *field, const char *argument, char **error)
{
	long pid;

	if (!parse_number(argument, INT_MAX, &pid) || pid == 0) {
		*error = xasprintf("--%s %s: invalid process id", row->name, argument);
		return false;
	}
	*(pid_t *)field = (pid_t)pid;
	return true;
}

bool option_store_seconds(
	const struct option_row *row, void *field, const char *argument, char **error)
{
	long seconds;

	if (!parse_number(argument, INT_MAX / 1000, &seconds)) {
		*error = xasprintf("--%s %s: expected a number of seconds", row->name, argument);
		return false;
	}
	*(unsigned *)field = (unsigned)seconds;
	return true;
}

char *options_extra(const struct option_table *table, const char *operand)
{
	return xasprintf("extra operand '%s'; try: %s --help", operand, table->program);
}

/* What getopt_long(3) wants; the value of a row without a letter lies above all letters. */
enum { FIRST_VALUE = 256 };

struct parser {
	const struct option_table *table;
	void *options;
	uint64_t given; /* a bit for each row */
	struct option *known;
	char *letters;
};

static void parser_init(struct parser *parser, const struct option_table *table, void *options)
{
	size_t n = count_rows(table) + N_COMMON;
	const struct option_row *row;
	char *letter;

	*parser = (struct parser){.table = table, .options = options};
	parser->known = xcalloc(n + 1, sizeof *parser->known);
	letter = parser->letters = xcalloc(2 * n + 2, 1);
	if (table->in_order)
		*letter++ = '+';
	for (size_t i = 0; (row = options_row(table, i)); i++) {
		parser->known[i] = (struct option){.name = row->name,
			.has_arg = row->argument ? required_argument : no_argument,
			.val = FIRST_VALUE + (int)i};
		if (row->letter)
			*letter++ = row->letter;
		if (row->letter && row->argument)
			*letter++ = ':';
	}
	/* getopt(3) begins anew. */
	optind = 0;
}

static void parser_free(struct parser *parser)
{
	free(parser->known);
	free(parser->letters);
}

/* The row of a value of getopt_long(3), and its index; NULL: that has said what is wrong. */
static const struct option_row *find_row(const struct option_table *table, int value, size_t *index)
{
	const struct option_row *row;

	for (*index = 0; (row = options_row(table, *index)); ++*index)
		if (value == FIRST_VALUE + (int)*index || (row->letter && value == row->letter))
			return row;
	return NULL;
}

/* The options up to what ends them. False: an error, or nothing more is to be done. */
static bool read_options(struct parser *parser, int argc, char *argv[], char **error)
{
	const struct option_table *table = parser->table;
	int value;

	while ((value = getopt_long(argc, argv, parser->letters, parser->known, NULL)) != -1) {
		size_t index;
		const struct option_row *row = find_row(table, value, &index);
		if (!row) {
			*error = xasprintf("try: %s --help", table->program);
			return false;
		}
		parser->given |= UINT64_C(1) << index;
		if (row == &common_rows[0])
			options_help(table);
		else if (row == &common_rows[1])
			printf("%s " VERSION "\n", table->program);
		if (!row->store ||
			!row->store(row, (char *)parser->options + row->offset, optarg, error))
			return false;
	}
	return true;
}

static bool find_command(
	const struct option_table *table, const char *name, size_t *number, char **error)
{
	for (size_t i = 0; name && table->commands[i].name; i++)
		if (strcmp(table->commands[i].name, name) == 0) {
			*number = i;
			return true;
		}
	*error = name ? xasprintf("unknown command '%s'; try: %s --help", name, table->program)
		      : xasprintf("missing command; try: %s --help", table->program);
	return false;
}

/* An option that a command does not know could change what is meant. */
static bool check_given(const struct parser *parser, size_t command, char **error)
{
	const struct option_table *table = parser->table;

	for (size_t i = 0; table->rows[i].name; i++) {
		const struct option_row *row = &table->rows[i];
		if (!(parser->given & UINT64_C(1) << i) || !row->commands ||
			row->commands & OPTION_FOR(command))
			continue;
		*error = xasprintf("%s: option --%s is not allowed; try: %s --help",
			table->commands[command].name, row->name, table->program);
		return false;
	}
	return true;
}

/* before: the word in front of the operands. */
static bool check_operands(const struct option_table *table, const struct option_operands *wanted,
	const struct option_words *words, const char *before, char **error)
{
	const char *last = words->n > 0 ? words->operands[words->n - 1] : before;
	const char *extra = words->n > wanted->max ? words->operands[wanted->max] : NULL;

	if (words->n < wanted->min)
		*error = xasprintf(
			"missing operand after '%s'; try: %s --help", last, table->program);
	else if (extra && *extra == '-' && table->in_order)
		*error = xasprintf("extra operand '%s'; options precede operands; try: %s --help",
			extra, table->program);
	else if (extra)
		*error = options_extra(table, extra);
	return !*error;
}

static bool parse(
	struct parser *parser, int argc, char *argv[], struct option_words *words, char **error)
{
	const struct option_table *table = parser->table;
	const struct option_operands *operands = &table->operands;
	const char *before = table->program;

	if (!read_options(parser, argc, argv, error))
		return false;
	if (table->commands) {
		if (!find_command(table, argv[optind], &words->command, error))
			return false;
		before = argv[optind++];
		operands = &table->commands[words->command].operands;
		if (table->in_order && !read_options(parser, argc, argv, error))
			return false;
		if (!check_given(parser, words->command, error))
			return false;
	}
	words->operands = argv + optind;
	words->n = (size_t)(argc - optind);
	words->given = parser->given;
	return check_operands(table, operands, words, before, error);
}

bool options_parse(const struct option_table *table, int argc, char *argv[], void *options,
	struct option_words *words, char **error)
{
	struct parser parser;

	*error = NULL;
	parser_init(&parser, table, options);
	bool good = parse(&parser, argc, argv, words, error);
	parser_free(&parser);
	return good;
}
