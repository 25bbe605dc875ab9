/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints the bash completion of the tool that it is linked with, from its table of options. It
 * runs when building, and is not installed.
 */
#include "base/options.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* bash splits and expands the words when something is completed, not when the file is read. */
static const char head[] = "# bash completion for %s(%s)\n"
			   "# shellcheck shell=bash disable=SC2016,SC2034\n"
			   "\n"
			   "%s() {\n"
			   "    local cur prev words cword split%s\n"
			   "    _init_completion -s || return\n"
			   "\n";

static const struct option_table *const table = &tool_options;

static const char *function_name(void)
{
	static char name[64];

	snprintf(name, sizeof name, "_%s", table->program);
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			*p = '_';
	return name;
}

/* Within single quotes. */
static void print_quoted(const char *text)
{
	for (; *text; text++)
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
}

static bool is_of(const struct option_row *row, size_t command)
{
	return !row->commands || row->commands & OPTION_FOR(command);
}

/* "--config" and, where a value can be written behind "=", "--disks=". */
static void print_option_names(bool (*wanted)(const struct option_row *, size_t), size_t command)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(table, i)); i++)
		if (wanted(row, command))
			printf(" --%s%s", row->name,
				row->argument && *row->argument == '=' ? "=" : "");
}

static bool is_of_all(const struct option_row *row, size_t command)
{
	(void)command;
	return !row->commands;
}

/* "-c | --config | --user", of those that take an argument. */
static void print_with_argument(void)
{
	const char *separator = "";

	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!row->argument)
			continue;
		if (row->letter)
			printf("%s-%c | ", separator, row->letter);
		printf("%s--%s", row->letter ? "" : separator, row->name);
		separator = " | ";
	}
}

static bool starts_command(void)
{
	return table->operands.kind == OPTION_COMMAND;
}

/* Looks for the first operand, which neither is an option nor belongs to one. */
static void print_operand_search(void)
{
	bool starts = starts_command();

	if (!starts && !table->commands)
		return;
	puts("    for ((i = 1; i < cword; i++)); do\n"
	     "        case ${words[i]} in");
	fputs("        ", stdout);
	print_with_argument();
	puts(") ((i++)) ;;");
	if (starts)
		puts("        --)\n"
		     "            _command_offset $((i + 1))\n"
		     "            return\n"
		     "            ;;");
	puts("        -*) ;;\n"
	     "        *)");
	puts(starts ? "            _command_offset \"$i\"\n"
		      "            return"
		    : "            command=${words[i]}\n"
		      "            break");
	puts("            ;;\n"
	     "        esac\n"
	     "    done\n");
}

/* What compgen(1) is asked for; the command that fills COMPREPLY by itself; or nothing. */
static const struct {
	const char *action, *function;
} kinds[] = {
	[OPTION_FILE] = {NULL, "_filedir"},
	[OPTION_DIRECTORY] = {NULL, "_filedir -d"},
	[OPTION_PROCESS] = {NULL, "_pids"},
	[OPTION_USER] = {"-u", NULL},
	[OPTION_GROUP] = {"-g", NULL},
	[OPTION_VARIABLE] = {"-e", NULL},
	[OPTION_COMMAND] = {"-c", NULL},
	[OPTION_WORD] = {"-W", NULL},
};

/* Fills COMPREPLY, in a line with that indentation. */
static void print_values(enum option_kind kind, const char *words, bool is_list, const char *indent)
{
	if (kinds[kind].function) {
		printf("%s%s\n", indent, kinds[kind].function);
		return;
	}
	if (!kinds[kind].action)
		return;
	/* What stands before the last comma stays. */
	if (is_list)
		printf("%slocal before=\n%s[[ $cur != *,* ]] || before=${cur%%,*},\n", indent,
			indent);
	printf("%smapfile -t COMPREPLY < <(compgen %s%s", indent, is_list ? "-P \"$before\" " : "",
		kinds[kind].action);
	if (kind == OPTION_WORD) {
		fputs(" '", stdout);
		print_quoted(words);
		putchar('\'');
	}
	printf(" -- \"%s\")\n", is_list ? "${cur##*,}" : "$cur");
}

static void print_arguments(void)
{
	puts("    case $prev in");
	for (const struct option_row *row = table->rows; row->name; row++) {
		if (!row->argument)
			continue;
		fputs("    ", stdout);
		if (row->letter)
			printf("-%c | ", row->letter);
		printf("--%s)\n", row->name);
		print_values(row->kind, row->words, row->is_list, "        ");
		puts("        return\n"
		     "        ;;");
	}
	puts("    esac\n");
}

/* Options where the word begins as one, or there is nothing else; else operands. */
static void print_word(const struct option_operands *operands, size_t command, const char *indent)
{
	char deeper[16];
	bool has_operands = operands->kind > OPTION_ANYTHING;

	snprintf(deeper, sizeof deeper, "%s%s", indent, has_operands ? "    " : "");
	if (has_operands)
		printf("%sif [[ $cur == -* ]]; then\n", indent);
	printf("%smapfile -t COMPREPLY < <(compgen -W '", deeper);
	print_option_names(is_of, command);
	puts("' -- \"$cur\")");
	if (has_operands) {
		printf("%selse\n", indent);
		print_values(operands->kind, operands->words, false, deeper);
		printf("%sfi\n", indent);
	}
}

/* A command, or an option of all; then what the command knows. */
static void print_commands(void)
{
	puts("    case $command in");
	fputs("    '') mapfile -t COMPREPLY < <(compgen -W '", stdout);
	for (const struct option_command *command = table->commands; command->name; command++)
		if (command->help)
			printf(" %s", command->name);
	print_option_names(is_of_all, 0);
	puts("' -- \"$cur\") ;;");
	for (size_t i = 0; table->commands[i].name; i++) {
		if (!table->commands[i].help)
			continue;
		printf("    %s)\n", table->commands[i].name);
		print_word(&table->commands[i].operands, i, "        ");
		puts("        ;;");
	}
	puts("    esac");
}

int main(void)
{
	const char *function = function_name();

	printf(head, table->program, table->manual, function,
		table->commands	   ? " i command="
		: starts_command() ? " i"
				   : "");
	print_operand_search();
	print_arguments();
	if (table->commands)
		print_commands();
	else
		print_word(&table->operands, 0, "    ");
	puts("    [[ ${COMPREPLY-} != *= ]] || compopt -o nospace");
	printf("} && complete -F %s %s\n", function, table->program);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
