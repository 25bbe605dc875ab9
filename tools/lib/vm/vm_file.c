/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/vm_file.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/args.h"
#include "vm/trusted_file.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t"

/* What a word is taken for, by those before it. */
enum place {
	OWN_OPTION, /* of virt-priv-run, or QEMU's name */
	OWN_VALUE,
	OPTION, /* of QEMU, or a disk */
	VALUE,
};

struct reader {
	enum place place;
	const char *option; /* of a VALUE, without dashes */
};

static bool ends_with_backslash(const char *word)
{
	return word[strlen(word) - 1] == '\\';
}

/* Whether one pair of quotes is around all of it. */
static bool is_quoted(const char *word)
{
	size_t n = strlen(word);

	return n >= 2 && (*word == '"' || *word == '\'') && strchr(word + 1, *word) == word + n - 1;
}

/* key="value", at the end or before a comma. */
static bool has_quoted_value(const char *word)
{
	for (const char *p = word; (p = strchr(p, '=')) != NULL; p++) {
		const char *end = p[1] == '"' || p[1] == '\'' ? strchr(p + 2, p[1]) : NULL;
		if (end && (!end[1] || end[1] == ','))
			return true;
	}
	return false;
}

/* Values in which quotes are the guest's business, or JSON's. */
static bool may_have_quotes(const struct reader *reader, const char *word)
{
	static const char *const options[] = {"append", "fw_cfg", "smbios", "name"};

	for (size_t i = 0; reader->place == VALUE && i < N_ELEMENTS(options); i++)
		if (strcmp(reader->option, options[i]) == 0)
			return true;
	return *word == '{' || strncmp(word, "json:", strlen("json:")) == 0;
}

/* Several words, as no single one that may stand there can be: paths may have blanks. */
static bool is_several(const struct reader *reader, const char *word)
{
	if (!strpbrk(word, BLANKS) || reader->place == VALUE || reader->place == OWN_VALUE)
		return false;
	if (*word == '-')
		return reader->place == OPTION || strcspn(word, BLANKS) < strcspn(word, "=");
	return (strstr(word, " -") || strstr(word, "\t-")) && access(word, F_OK) < 0;
}

/* What is wrong with the word, static; NULL: nothing that could be told. */
static const char *complaint(const struct reader *reader, const char *word)
{
	if (ends_with_backslash(word))
		return "the backslash at its end is part of the word: remove it; one word on a "
		       "line";
	if (is_quoted(word) || (!may_have_quotes(reader, word) && has_quoted_value(word)))
		return "the quotes are part of the word: remove them";
	if (is_several(reader, word) && reader->place == OWN_OPTION && *word != '-')
		return "is a whole command line: one word on a line; to have a script write such "
		       "a file: virt-priv-run --write-unit NAME -- QEMU ...";
	if (is_several(reader, word))
		return "has a blank in it: one word on a line";
	return NULL;
}

static bool is_own_with_value(const struct option_table *own, const char *word)
{
	for (const struct option_row *row = own->rows; row->name; row++) {
		bool is_letter = word[1] == row->letter && row->letter && !word[2];
		bool is_name = strncmp(word, "--", 2) == 0 && strcmp(word + 2, row->name) == 0;
		if (is_letter || is_name)
			return row->argument && *row->argument != '=';
	}
	return false;
}

/* What the next word is. */
static void advance(struct reader *reader, const struct option_table *own, const char *word)
{
	switch (reader->place) {
	case OWN_OPTION:
		if (*word == '-' && strcmp(word, "--") != 0)
			reader->place = is_own_with_value(own, word) ? OWN_VALUE : OWN_OPTION;
		else if (*word != '-')
			reader->place = OPTION;
		break;
	case OWN_VALUE:
		reader->place = OWN_OPTION;
		break;
	case OPTION:
		reader->option = word + (*word == '-') + (*word == '-' && word[1] == '-');
		reader->place =
			*word == '-' && qemuargs_takes_value(reader->option) ? VALUE : OPTION;
		break;
	case VALUE:
		reader->place = OPTION;
		break;
	}
}

/* The word of the line, new; NULL: it has none. *text becomes the next line. */
static char *next_word(const char **text)
{
	size_t length = strcspn(*text, "\n"), n;
	cleanup_free char *line = xstrndup(*text, length);
	char **words = trusted_file_words("", line, &n);
	char *word = words[1];

	*text += length + ((*text)[length] == '\n');
	free(words[0]);
	free(words);
	return word;
}

void vm_file_check(const char *path, const char *text, const struct option_table *own,
	struct obstacles *obstacles)
{
	struct reader reader = {.place = OWN_OPTION};
	cleanup_free char *option = NULL;

	for (unsigned line = 1; *text; line++) {
		cleanup_free char *word = next_word(&text);
		const char *why = word ? complaint(&reader, word) : NULL;
		if (why) {
			cleanup_free char *message =
				xasprintf("%s:%u: \"%s\" %s", path, line, word, why);
			obstacles_add(obstacles, &(struct obstacle){.object = (char *)path,
							 .message = message,
							 .refuses = true});
		}
		if (!word)
			continue;
		bool is_several = why && strpbrk(word, BLANKS);
		if (!is_several)
			advance(&reader, own, word);
		else if (reader.place == OWN_OPTION && *word != '-')
			reader.place = OPTION;
		/* What it refers to outlives the word. */
		if (reader.place == VALUE) {
			free(option);
			option = xstrdup(reader.option);
			reader.option = option;
		}
	}
}
