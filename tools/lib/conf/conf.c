/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/conf.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What peek() returns behind the last byte. */
#define END (-1)

/*
 * Lines are counted by "\n" as editors and libvirt's messages do, although a
 * lone "\r" ends a comment and a statement too.
 */
struct parser {
	struct conf *conf;
	size_t allocated; /* entries */
	const char *text, *cursor, *end;
	const char *line_start;
	unsigned line;
	char **error;
};

static int peek(const struct parser *p)
{
	return p->cursor < p->end ? (unsigned char)*p->cursor : END;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static bool is_line_end(int c)
{
	return c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void advance(struct parser *p)
{
	if (*p->cursor++ == '\n') {
		p->line++;
		p->line_start = p->cursor;
	}
}

static void skip_blanks(struct parser *p)
{
	while (is_blank(peek(p)))
		p->cursor++;
}

static void skip_blanks_and_line_ends(struct parser *p)
{
	while (is_blank(peek(p)) || is_line_end(peek(p)))
		advance(p);
}

static unsigned column(const struct parser *p)
{
	return (unsigned)(p->cursor - p->line_start) + 1;
}

__attribute__((format(printf, 4, 5))) static bool fail_at(
	struct parser *p, unsigned line, unsigned in_column, const char *format, ...)
{
	cleanup_free char *what = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	*p->error = xasprintf(
		"%s:%u:%u: %s", p->conf->name, line, in_column, what ? what : "syntax error");
	return false;
}

static char *describe(int c)
{
	if (c == END)
		return xstrdup("the end of the file");
	if (is_line_end(c))
		return xstrdup("the end of the line");
	if (c == '"')
		return xstrdup("'\"'");
	if (c >= 0x20 && c < 0x7f)
		return xasprintf("\"%c\"", c);
	return xasprintf("the byte 0x%02x", (unsigned)c);
}

/* Fails at the cursor. expected is the start of a sentence. */
static bool fail_expected(struct parser *p, const char *expected)
{
	cleanup_free char *found = describe(peek(p));

	return fail_at(p, p->line, column(p), "expected %s, found %s", expected, found);
}

static bool parse_integer(struct parser *p, struct conf_value *value)
{
	bool negative = peek(p) == '-';
	bool overflow = false;
	long long sum = 0;

	if (!is_digit(peek(p)))
		p->cursor++;
	if (!is_digit(peek(p)))
		return fail_expected(p, "a digit after the sign");
	for (; is_digit(peek(p)) && !overflow; p->cursor++)
		overflow = __builtin_mul_overflow(sum, 10, &sum) ||
			   __builtin_add_overflow(sum, peek(p) - '0', &sum);
	/* libvirt 11 takes no LLONG_MIN. */
	if (overflow)
		return fail_at(p, value->line, value->column,
			"expected an integer from %lld to %lld", -LLONG_MAX, LLONG_MAX);
	value->type = CONF_INTEGER;
	value->integer = negative ? -sum : sum;
	return true;
}

static bool has_triple_quote(const struct parser *p)
{
	return p->end - p->cursor >= 3 && memcmp(p->cursor, "\"\"\"", 3) == 0;
}

static bool parse_long_string(struct parser *p, struct conf_value *value)
{
	const char *begin = p->cursor + 3;
	const char *close = memmem(begin, (size_t)(p->end - begin), "\"\"\"", 3);

	if (!close)
		return fail_at(
			p, value->line, value->column, "expected \"\"\" at the end of this string");
	value->type = CONF_STRING;
	value->string = xstrndup(begin, (size_t)(close - begin));
	while (p->cursor < close + 3)
		advance(p);
	return true;
}

static bool parse_string(struct parser *p, struct conf_value *value)
{
	int quote = peek(p);
	const char *begin = p->cursor + 1;

	if (has_triple_quote(p))
		return parse_long_string(p, value);
	do
		p->cursor++;
	while (peek(p) != END && peek(p) != quote && !is_line_end(peek(p)));
	if (peek(p) != quote)
		return fail_at(p, value->line, value->column,
			"expected %c at the end of this string, on the same line", quote);
	value->type = CONF_STRING;
	value->string = xstrndup(begin, (size_t)(p->cursor - begin));
	p->cursor++;
	return true;
}

static struct conf_value *new_item(struct conf_value *list, size_t *allocated)
{
	if (list->n_items == *allocated) {
		*allocated = *allocated ? *allocated * 2 : 4;
		list->items = xreallocarray(list->items, *allocated, sizeof(*list->items));
	}
	list->items[list->n_items] = (struct conf_value){0};
	return &list->items[list->n_items++];
}

static bool parse_value(struct parser *p, unsigned depth, struct conf_value *value);

static bool fail_in_list(struct parser *p, const struct conf_value *list)
{
	if (peek(p) == END)
		return fail_at(p, list->line, list->column, "expected ] at the end of this list");
	if (peek(p) == '#')
		return fail_at(p, p->line, column(p),
			"expected the list's next value or ]: "
			"comments are not allowed inside a list");
	return fail_expected(p, "\",\" or \"]\" after a value of the list");
}

static bool parse_list(struct parser *p, unsigned depth, struct conf_value *list)
{
	size_t allocated = 0;

	if (depth >= CONF_MAX_DEPTH)
		return fail_at(p, list->line, list->column,
			"expected a value that is not a list: %d lists are open", CONF_MAX_DEPTH);
	list->type = CONF_LIST;
	p->cursor++;
	for (;;) {
		skip_blanks_and_line_ends(p);
		if (peek(p) == ']')
			break;
		if (peek(p) == END || peek(p) == '#')
			return fail_in_list(p, list);
		if (!parse_value(p, depth + 1, new_item(list, &allocated)))
			return false;
		skip_blanks_and_line_ends(p);
		if (peek(p) == ',')
			p->cursor++;
		else if (peek(p) != ']')
			return fail_in_list(p, list);
	}
	p->cursor++;
	return true;
}

/* depth is the number of lists around the value. */
static bool parse_value(struct parser *p, unsigned depth, struct conf_value *value)
{
	int c = peek(p);

	value->line = p->line;
	value->column = column(p);
	if (c == '"' || c == '\'')
		return parse_string(p, value);
	if (c == '[')
		return parse_list(p, depth, value);
	if (c == '+' || c == '-' || is_digit(c))
		return parse_integer(p, value);
	return fail_expected(p, "a value (an integer, a string in quotes, a list in brackets)");
}

static struct conf_entry *new_entry(struct parser *p)
{
	struct conf *conf = p->conf;

	if (conf->n_entries == p->allocated) {
		p->allocated = p->allocated ? p->allocated * 2 : 64;
		conf->entries = xreallocarray(conf->entries, p->allocated, sizeof(*conf->entries));
	}
	conf->entries[conf->n_entries] = (struct conf_entry){0};
	return &conf->entries[conf->n_entries++];
}

static bool parse_entry(struct parser *p)
{
	const char *begin = p->cursor;

	if (!is_letter(peek(p)))
		return fail_expected(p, "the name of a setting");
	struct conf_entry *entry = new_entry(p);
	entry->line = p->line;
	entry->column = column(p);
	while (is_letter(peek(p)) || is_digit(peek(p)) || peek(p) == '_')
		p->cursor++;
	entry->key = xstrndup(begin, (size_t)(p->cursor - begin));
	skip_blanks(p);
	if (peek(p) != '=')
		return fail_expected(p, "\"=\" after the name of a setting");
	p->cursor++;
	skip_blanks(p);
	if (!parse_value(p, 0, &entry->value))
		return false;
	entry->begin = (size_t)(begin - p->text);
	entry->end = (size_t)(p->cursor - p->text);
	return true;
}

static void skip_comment(struct parser *p)
{
	if (peek(p) != '#')
		return;
	while (peek(p) != END && !is_line_end(peek(p)))
		p->cursor++;
}

static bool parse_statements(struct parser *p)
{
	for (;;) {
		skip_blanks_and_line_ends(p);
		if (peek(p) == END)
			return true;
		if (peek(p) != '#' && !parse_entry(p))
			return false;
		skip_blanks(p);
		skip_comment(p);
		if (peek(p) == ';')
			p->cursor++;
		else if (peek(p) != END && !is_line_end(peek(p)))
			return fail_expected(
				p, "the end of the line, \";\" or \"#\" after the value");
	}
}

/* Bytes that an editor does not show, and that end the reading of C strings. */
static bool check_text(struct parser *p)
{
	const char *nul = memchr(p->text, '\0', (size_t)(p->end - p->text));

	if (p->end - p->text >= 3 && memcmp(p->text, "\xef\xbb\xbf", 3) == 0)
		return fail_at(p, 1, 1,
			"expected the name of a setting, found a byte order mark: "
			"save the file without it");
	if (!nul)
		return true;
	while (p->cursor < nul)
		advance(p);
	return fail_at(p, p->line, column(p), "expected text, found a NUL byte");
}

struct conf *conf_parse(const char *name, const char *text, size_t length, char **error)
{
	struct conf *conf = xcalloc(1, sizeof(*conf));
	struct parser p = {.conf = conf,
		.text = text,
		.cursor = text,
		.end = text + length,
		.line_start = text,
		.line = 1,
		.error = error};

	conf->name = xstrdup(name);
	if (check_text(&p) && parse_statements(&p))
		return conf;
	conf_free(conf);
	return NULL;
}

static void free_value(struct conf_value *value)
{
	for (size_t i = 0; i < value->n_items; i++)
		free_value(&value->items[i]);
	free(value->items);
	free(value->string);
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->n_entries; i++) {
		free(conf->entries[i].key);
		free_value(&conf->entries[i].value);
	}
	free(conf->entries);
	free(conf->name);
	free(conf);
}

const struct conf_entry *conf_get(const struct conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->n_entries; i++)
		if (strcmp(conf->entries[i].key, key) == 0)
			return &conf->entries[i];
	return NULL;
}

const char *conf_type_name(enum conf_type type)
{
	switch (type) {
	case CONF_INTEGER:
		return "an integer";
	case CONF_STRING:
		return "a string";
	case CONF_LIST:
		return "a list";
	}
	return "nothing";
}
