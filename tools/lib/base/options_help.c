/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --help, from the table. */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"

#include <stdio.h>
#include <string.h>

/* The text of an option whose name and argument reach over the column begins on the next line. */
enum { WIDTH = 79, MAX_COLUMN = 28 };

/* The length of the piece of text that is not to be broken: a word... */
static size_t word_length(const char *text)
{
	return strcspn(text, " ");
}

/* ...or, of a synopsis, an option with its argument and all that is in the same brackets. */
static size_t group_length(const char *text)
{
	size_t i;
	int depth = 0;

	for (i = 0; text[i]; i++) {
		depth += (text[i] == '[') - (text[i] == ']');
		if (text[i] == ' ' && depth == 0 && (text[i + 1] == '[' || text[i + 1] == '-'))
			break;
	}
	return i;
}

/* Fills lines from column on; further ones begin with the indentation. */
static void print_filled(
	const char *text, size_t column, size_t indent, size_t (*length_of)(const char *))
{
	bool is_first = true;

	while (*text) {
		size_t length = length_of(text);
		if (!is_first && column + 1 + length > WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (!is_first) {
			column += (size_t)printf(" ");
		}
		column += (size_t)printf("%.*s", (int)length, text);
		is_first = false;
		text += length;
		text += *text == ' ';
	}
	putchar('\n');
}

/* A form of the command line; what does not fit stands below what follows its command. */
static void print_form(const char *intro, const char *program, const char *form, size_t indent)
{
	size_t column = (size_t)printf("%s %s ", intro, program);

	print_filled(form, column, column + indent, group_length);
}

static void print_usage(const struct option_table *table)
{
	const char *intro = "Usage:";

	for (size_t i = 0; table->commands && table->commands[i].name; i++) {
		const struct option_command *command = &table->commands[i];
		if (!command->help)
			continue;
		print_form(intro, table->program, command->synopsis, strlen(command->name) + 1);
		intro = "      ";
	}
	for (const char *form = table->synopsis; form && *form; intro = "      ") {
		size_t length = strcspn(form, "\n");
		cleanup_free char *line = xstrndup(form, length);
		print_form(intro, table->program, line, 0);
		form += length + (form[length] == '\n');
	}
}

/* "  -c, --config FILE", new. */
static char *option_text(const struct option_row *row)
{
	const char *argument = row->argument ? row->argument : "";
	const char *between = *argument && *argument != '=' ? " " : "";

	if (row->letter)
		return xasprintf("  -%c, --%s%s%s", row->letter, row->name, between, argument);
	return xasprintf("      --%s%s%s", row->name, between, argument);
}

/* Takes label, new. */
static void print_line(char *label, size_t column, const char *help)
{
	cleanup_free char *text = label;

	printf("%-*s", (int)column, text);
	if (strlen(text) + 2 > column)
		printf("\n%*s", (int)column, "");
	print_filled(help, column, column, word_length);
}

static void print_commands(const struct option_table *table)
{
	size_t column = 0;

	for (size_t i = 0; table->commands[i].name; i++)
		if (table->commands[i].help && strlen(table->commands[i].name) > column)
			column = strlen(table->commands[i].name);
	puts("\nCommands:");
	for (size_t i = 0; table->commands[i].name; i++)
		if (table->commands[i].help)
			print_line(xasprintf("  %s", table->commands[i].name), column + 4,
				table->commands[i].help);
}

static void print_options(const struct option_table *table)
{
	const struct option_row *row;
	size_t column = 0;

	for (size_t i = 0; (row = options_row(table, i)); i++) {
		cleanup_free char *text = option_text(row);
		if (strlen(text) + 2 > column && strlen(text) + 2 <= MAX_COLUMN)
			column = strlen(text) + 2;
	}
	puts("\nOptions:");
	for (size_t i = 0; (row = options_row(table, i)); i++)
		print_line(option_text(row), column, row->help);
}

void options_help(const struct option_table *table)
{
	print_usage(table);
	print_filled(table->summary, 0, 0, word_length);
	if (table->commands)
		print_commands(table);
	print_options(table);
	putchar('\n');
	print_filled(table->status, 0, 0, word_length);
}
