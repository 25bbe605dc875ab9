/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line of a tool as a table: a row for each option, and one for each command. It is
 * parsed by it (with getopt_long(3), whose rules and messages count), --help prints it, the bash
 * completion is generated from it when building (tools/completion/bash.c), and a test compares
 * the OPTIONS of the manual with it.
 *
 * Every tool has --help (-h) and --version beside its rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What an argument or an operand is: the completion offers those that there are. */
enum option_kind {
	OPTION_NONE, /* there is no argument, or operand */
	OPTION_ANYTHING,
	OPTION_FILE,
	OPTION_DIRECTORY,
	OPTION_USER,
	OPTION_GROUP,
	OPTION_VARIABLE, /* of the environment */
	OPTION_PROCESS,
	OPTION_WORD,	/* one of words */
	OPTION_COMMAND, /* operands alone: a command, with its own arguments */
};

struct option_row {
	const char *name;
	char letter; /* 0: none */
	/* As help and manual call it; "=NAME": they write it as --option=NAME. NULL: it takes none.
	 */
	const char *argument;
	enum option_kind kind;
	const char *help; /* one line, or two; it is filled */
	/*
	 * Takes the argument (NULL: it has none), in the order of the command line; field is at
	 * offset in the tool's own struct. False and a new message, which names the option; or
	 * without one, where this was all that is to be done.
	 */
	bool (*store)(
		const struct option_row *row, void *field, const char *argument, char **error);
	size_t offset;
	/* Of an OPTION_WORD: separated by spaces; the shell expands them, so $(COMMAND) lists some.
	 */
	const char *words;
	bool is_list;	   /* the argument is a list separated by commas; kind is that of an item */
	unsigned commands; /* OPTION_FOR() of each command that knows it; 0: all do */
};

#define OPTION_FOR(command) (1U << (command))

/*
 * .store and .offset of a row, for a member of the tool's struct that has the type named here:
 *
 *   OPTION_FLAG    bool, which becomes true
 *   OPTION_TEXT    const char *, of argv
 *   OPTION_TEXTS   struct option_texts: it can be given several times
 *   OPTION_CHOICE  an enum, whose values are the row's words in their order
 *   OPTION_PID     pid_t, above 0
 *   OPTION_SECONDS unsigned, of which the milliseconds fit into an int
 *
 * OPTION_CALL has a function of the tool's own, which gets the whole struct as field.
 */
#define OPTION_FLAG(type, member) OPTION_STORE_(option_store_flag, type, member, bool)
#define OPTION_TEXT(type, member) OPTION_STORE_(option_store_text, type, member, const char *)
#define OPTION_TEXTS(type, member)                                                                 \
	OPTION_STORE_(option_store_texts, type, member, struct option_texts)
#define OPTION_CHOICE(type, member)                                                                \
	OPTION_STORE_(option_store_choice, type, member, __typeof__(((type *)0)->member))
#define OPTION_PID(type, member) OPTION_STORE_(option_store_pid, type, member, pid_t)
#define OPTION_SECONDS(type, member) OPTION_STORE_(option_store_seconds, type, member, unsigned)
#define OPTION_CALL(function) .store = (function), .offset = 0

/* The array has no size where the member is of another type. */
#define OPTION_STORE_(function, type, member, wanted)                                              \
	.store = (function),                                                                       \
	.offset = offsetof(type, member) +                                                         \
		  0 * sizeof(char[__builtin_types_compatible_p(                                    \
					  __typeof__(((type *)0)->member), wanted)                 \
					  ? 1                                                      \
					  : -1])

struct option_texts {
	const char **items; /* the array is new; free() */
	size_t n;
};

/* The stores of the macros above, for a tool's own to call. */
bool option_store_flag(const struct option_row *, void *field, const char *argument, char **error);
bool option_store_text(const struct option_row *, void *field, const char *argument, char **error);
bool option_store_texts(const struct option_row *, void *field, const char *argument, char **error);
bool option_store_choice(
	const struct option_row *, void *field, const char *argument, char **error);
bool option_store_pid(const struct option_row *, void *field, const char *argument, char **error);
bool option_store_seconds(
	const struct option_row *, void *field, const char *argument, char **error);

struct option_operands {
	size_t min, max;
	enum option_kind kind;
	const char *words;
};
#define OPTION_ANY_NUMBER ((size_t)-1)

/* A command, of a tool that has some: the first operand. */
struct option_command {
	const char *name;
	const char *synopsis; /* what the usage says behind the program's name */
	const char *help;     /* NULL: for scripts of the package, so --help does not list it */
	struct option_operands operands; /* behind its name */
};

struct option_table {
	const char *program;
	const char *manual;	       /* "1", "8": the section */
	const char *synopsis;	       /* of a tool without commands: a line for each form */
	const char *summary;	       /* what it does */
	const struct option_row *rows; /* the last one has no name */
	const struct option_command *commands; /* NULL: it has none; the last one has no name */
	struct option_operands operands;       /* of a tool without commands */
	/* The first operand, or that behind the command, ends the options: "-1" can be one. */
	bool in_order;
	const char *status; /* exit statuses, which end the help */
};

/* Each program defines its table under this name: the completion is generated from it. */
extern const struct option_table tool_options;

struct option_words {
	size_t command;	 /* its index in the table, where that has commands */
	char **operands; /* within argv, which getopt_long(3) may permute */
	size_t n;
	uint64_t given; /* the options: bit I is that of options_row() I */
};

/*
 * Parses argv, whose strings must stay valid, into the tool's struct (options) and *words.
 * It can be called again for another argv. False: the program ends here, with the new
 * message *error; or without one, as what was asked for (help) is in standard output's buffer.
 */
bool options_parse(const struct option_table *table, int argc, char *argv[], void *options,
	struct option_words *words, char **error);

/* "extra operand 'x'; try: PROGRAM --help", new: for a tool that counts them itself. */
char *options_extra(const struct option_table *table, const char *operand);

/* Prints the help. */
void options_help(const struct option_table *table);

/* Row i, those that every tool has included; NULL behind the last. */
const struct option_row *options_row(const struct option_table *table, size_t i);
