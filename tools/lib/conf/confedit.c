/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confedit.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

struct conftext conftext_new(const char *bytes, size_t length)
{
	struct conftext text = {xmalloc(length + 1), length};

	memcpy(text.bytes, bytes, length);
	text.bytes[length] = '\0';
	return text;
}

void conftext_free(struct conftext *text)
{
	free(text->bytes);
	*text = (struct conftext){0};
}

/* Puts new in place of the bytes from begin to end. */
static void replace(struct conftext *text, size_t begin, size_t end, const char *new)
{
	size_t n = strlen(new);
	size_t length = text->length - (end - begin) + n;
	char *bytes = xmalloc(length + 1);

	memcpy(bytes, text->bytes, begin);
	memcpy(bytes + begin, new, n);
	memcpy(bytes + begin + n, text->bytes + end, text->length - end);
	bytes[length] = '\0';
	free(text->bytes);
	*text = (struct conftext){bytes, length};
}

/* Lines. */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

static size_t skip_blanks(const struct conftext *text, size_t at)
{
	while (at < text->length && is_blank(text->bytes[at]))
		at++;
	return at;
}

static size_t start_of_line(const struct conftext *text, size_t at)
{
	while (at > 0 && !is_line_end(text->bytes[at - 1]))
		at--;
	return at;
}

/* The line end, or the end of the text, that follows. */
static size_t end_of_line(const struct conftext *text, size_t at)
{
	while (at < text->length && !is_line_end(text->bytes[at]))
		at++;
	return at;
}

/* How long the line end at that place is; 0: there is none. */
static size_t line_end_length(const struct conftext *text, size_t at)
{
	if (at >= text->length || !is_line_end(text->bytes[at]))
		return 0;
	return text->bytes[at] == '\r' && at + 1 < text->length && text->bytes[at + 1] == '\n' ? 2
											       : 1;
}

static size_t next_line(const struct conftext *text, size_t at)
{
	at = end_of_line(text, at);
	return at + line_end_length(text, at);
}

/* Where the line end before the line that starts there begins. */
static size_t previous_line_end(const struct conftext *text, size_t start)
{
	if (start == 0)
		return 0;
	if (start >= 2 && text->bytes[start - 2] == '\r' && text->bytes[start - 1] == '\n')
		return start - 2;
	return start - 1;
}

/* The line end of the line at that place; else that of the line before it; else "\n". */
static char *line_end_at(const struct conftext *text, size_t at)
{
	size_t end = end_of_line(text, at);
	size_t length = line_end_length(text, end);

	if (length == 0) {
		size_t start = start_of_line(text, end);
		end = previous_line_end(text, start);
		length = start - end;
	}
	return length ? xstrndup(text->bytes + end, length) : xstrdup("\n");
}

/* The statement that the place is inside of, or NULL. Statements are in the text's order. */
static const struct conf_entry *entry_around(const struct conf *conf, size_t at)
{
	size_t low = 0, high = conf->n_entries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct conf_entry *entry = &conf->entries[middle];
		if (at <= entry->begin)
			high = middle;
		else if (at >= entry->end)
			low = middle + 1;
		else
			return entry;
	}
	return NULL;
}

/* The start of the line of a statement, or of the first of the lines that it shares. */
static size_t start_of_statement_line(
	const struct conftext *text, const struct conf *conf, size_t at)
{
	const struct conf_entry *around;

	at = start_of_line(text, at);
	while ((around = entry_around(conf, at)) != NULL)
		at = start_of_line(text, around->begin);
	return at;
}

/* Puts lines, each with its line end, in before the line that starts there. */
static void insert_lines(struct conftext *text, size_t at, const char *lines, const char *line_end)
{
	bool is_end = at == text->length;

	if (is_end && at > 0 && !is_line_end(text->bytes[at - 1])) {
		/* A text without a final line end stays one. */
		size_t n = strlen(lines) - strlen(line_end);
		cleanup_free char *new = xasprintf("%s%.*s", line_end, (int)n, lines);
		replace(text, at, at, new);
		return;
	}
	replace(text, at, at, lines);
}

/* The other way round: takes whole lines away. */
static void remove_lines(struct conftext *text, size_t begin, size_t end)
{
	if (end == text->length && end > begin && !is_line_end(text->bytes[end - 1]))
		begin = previous_line_end(text, begin);
	replace(text, begin, end, "");
}

/* Samples. */

static bool starts_sample(const struct conftext *text, size_t line, const char *key)
{
	size_t n = strlen(key);

	if (text->length - line < n + 2 || text->bytes[line] != '#' ||
		memcmp(text->bytes + line + 1, key, n) != 0)
		return false;
	size_t at = skip_blanks(text, line + 1 + n);
	return at < text->length && text->bytes[at] == '=';
}

bool confedit_find_sample(
	const struct conftext *text, const struct conf *conf, const char *key, size_t *begin)
{
	for (size_t line = 0; line < text->length; line = next_line(text, line)) {
		if (!starts_sample(text, line, key) || entry_around(conf, line))
			continue;
		*begin = line;
		return true;
	}
	return false;
}

/* Behind the lines of a sample: those of a list go on to its "]", if they are comments. */
static size_t end_of_sample(const struct conftext *text, size_t begin)
{
	size_t first = next_line(text, begin);
	const char *equals = memchr(text->bytes + begin, '=', first - begin);
	size_t at = skip_blanks(text, (size_t)(equals - text->bytes) + 1);

	if (at >= first || text->bytes[at] != '[')
		return first;
	for (size_t line = begin, next = first;; line = next, next = next_line(text, next)) {
		if (line >= text->length || text->bytes[line] != '#')
			return first;
		if (memchr(text->bytes + line, ']', next - line))
			return next;
	}
}

/* Where a new line of that key belongs. */
static size_t place_of(const struct conftext *text, const struct conf *conf, const char *key)
{
	size_t sample;

	return confedit_find_sample(text, conf, key, &sample) ? end_of_sample(text, sample)
							      : text->length;
}

/* Statements. */

static size_t value_begin(const struct conftext *text, const struct conf_entry *entry)
{
	size_t at = skip_blanks(text, entry->begin + strlen(entry->key));

	/* The "=" (conf.h). */
	return skip_blanks(text, at + 1);
}

void confedit_set(
	struct conftext *text, const struct conf *conf, const char *key, const char *literal)
{
	const struct conf_entry *entry = conf_get(conf, key);

	if (entry) {
		replace(text, value_begin(text, entry), entry->end, literal);
		return;
	}
	size_t at = place_of(text, conf, key);
	cleanup_free char *line_end =
		line_end_at(text, at > 0 && at < text->length ? previous_line_end(text, at) : at);
	cleanup_free char *line = xasprintf("%s = %s%s", key, literal, line_end);
	insert_lines(text, at, line, line_end);
}

/* before is the statement in front of it, or NULL. */
static void remove_statement(
	struct conftext *text, const struct conf_entry *entry, const struct conf_entry *before)
{
	size_t line = start_of_line(text, entry->begin);
	size_t end = skip_blanks(text, entry->end);

	/* Where something stands before it on its line, that is "...;". */
	if (before && skip_blanks(text, line) < entry->begin) {
		replace(text, before->end, entry->end, "");
		return;
	}
	if (end < text->length && text->bytes[end] == ';')
		end = skip_blanks(text, end + 1);
	if (end == text->length || is_line_end(text->bytes[end]))
		remove_lines(text, line, end + line_end_length(text, end));
	else
		replace(text, entry->begin, end, "");
}

size_t confedit_unset(struct conftext *text, const struct conf *conf, const char *key)
{
	size_t n = 0;

	/* From the last one on, so that the places of those before stay what they are. */
	for (size_t i = conf->n_entries; i-- > 0;) {
		const struct conf_entry *entry = &conf->entries[i];
		if (strcmp(entry->key, key) != 0)
			continue;
		remove_statement(text, entry, i > 0 ? entry - 1 : NULL);
		n++;
	}
	return n;
}

static bool is_same_value(const struct conf_value *a, const struct conf_value *b)
{
	if (a->type != b->type || a->n_items != b->n_items)
		return false;
	if (a->type == CONF_INTEGER)
		return a->integer == b->integer;
	if (a->type == CONF_STRING)
		return strcmp(a->string, b->string) == 0;
	for (size_t i = 0; i < a->n_items; i++)
		if (!is_same_value(&a->items[i], &b->items[i]))
			return false;
	return true;
}

/* The next statement of another key, from *i on. */
static const struct conf_entry *next_other(const struct conf *conf, size_t *i, const char *key)
{
	while (*i < conf->n_entries) {
		const struct conf_entry *entry = &conf->entries[(*i)++];
		if (!key || strcmp(entry->key, key) != 0)
			return entry;
	}
	return NULL;
}

bool confedit_has_value(const struct conf *conf, const char *key, const char *literal)
{
	const struct conf_entry *entry = conf_get(conf, key);
	cleanup_free char *statement = xasprintf("%s = %s", key, literal ? literal : "0");
	cleanup_free char *error = NULL;

	if (!literal || !entry)
		return !literal && !entry;
	struct conf *wanted = conf_parse("x", statement, strlen(statement), &error);
	bool same = wanted && wanted->n_entries == 1 &&
		    is_same_value(&wanted->entries[0].value, &entry->value);
	conf_free(wanted);
	return same;
}

bool confedit_is_only_change(
	const struct conf *before, const struct conf *after, const char *key, const char *literal)
{
	size_t i = 0, j = 0;
	const struct conf_entry *a, *b;

	do {
		a = next_other(before, &i, key);
		b = next_other(after, &j, key);
		if (a && b && (strcmp(a->key, b->key) != 0 || !is_same_value(&a->value, &b->value)))
			return false;
	} while (a && b);
	return !a && !b && (!key || confedit_has_value(after, key, literal));
}

/* Marked blocks. They are found by these very lines, which files have had since 0.1.0. */

#define MAX_LINES 6

static const char *const *block_lines(enum confblock which)
{
	static const char *const blocks[][MAX_LINES] = {
		[CONFBLOCK_ROOT] =
			{
				"# QEMU runs as root: virt-priv-conf revert-to-root. What stands "
				"further down does not",
				"# count meanwhile; virt-priv-conf restore-default takes these "
				"lines away again.",
				"user = \"root\"",
				"group = \"root\"",
				"# end of revert-to-root",
				NULL,
			},
		[CONFBLOCK_LIBVIRT] =
			{
				"# Set by virt-privileges-libvirt, which takes these lines away "
				"when it is removed. If they",
				"# are changed or deleted, it leaves the file alone.",
				"user = \"qemu\"",
				"group = \"qemu\"",
				"# end of virt-privileges-libvirt",
				NULL,
			},
	};

	return blocks[which];
}

void confblock_insert(struct conftext *text, const struct conf *conf, enum confblock which)
{
	const struct conf_entry *user = conf_get(conf, "user");
	const struct conf_entry *group = conf_get(conf, "group");
	const struct conf_entry *first =
		!user || (group && group->begin < user->begin) ? group : user;
	size_t at = first ? start_of_statement_line(text, conf, first->begin)
			  : place_of(text, conf, "user");
	cleanup_free char *line_end =
		line_end_at(text, at > 0 && at < text->length ? previous_line_end(text, at) : at);
	cleanup_free char *lines = xstrdup("");

	for (const char *const *line = block_lines(which); *line; line++) {
		cleanup_free char *before = lines;
		lines = xasprintf("%s%s%s", before, *line, line_end);
	}
	insert_lines(text, at, lines, line_end);
}

static bool is_line(const struct conftext *text, size_t start, const char *line)
{
	return end_of_line(text, start) - start == strlen(line) &&
	       memcmp(text->bytes + start, line, strlen(line)) == 0;
}

struct confblock_place confblock_find(
	const struct conftext *text, const struct conf *conf, enum confblock which)
{
	struct confblock_place place = {.state = CONFBLOCK_ABSENT};
	const char *const *lines = block_lines(which);
	unsigned number = 1;

	for (size_t at = 0; at < text->length; at = next_line(text, at)) {
		if (is_line(text, at, lines[0]) && !entry_around(conf, at)) {
			size_t n = 0, end = at;
			for (; lines[n] && is_line(text, end, lines[n]); n++)
				end = next_line(text, end);
			return (struct confblock_place){
				lines[n] ? CONFBLOCK_EDITED : CONFBLOCK_INTACT, number, at, end};
		}
		/* As editors and conf.h count: a lone "\r" begins no new line. */
		size_t line_end = end_of_line(text, at);
		size_t n = line_end_length(text, line_end);
		number += n > 0 && text->bytes[line_end + n - 1] == '\n';
	}
	return place;
}

void confblock_remove(struct conftext *text, const struct confblock_place *place)
{
	remove_lines(text, place->begin, place->end);
}
