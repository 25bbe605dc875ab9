/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confvalue.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/text.h"
#include "conf/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_control_character(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* Strings have no escapes (conf.h), so what stands in one decides how it is quoted. */
static char *format_string(const char *string, char **error)
{
	size_t length = strlen(string);

	if (has_control_character(string)) {
		*error = xstrdup("it contains a line break or another control character");
		return NULL;
	}
	if (!strchr(string, '"'))
		return xasprintf("\"%s\"", string);
	if (!strchr(string, '\''))
		return xasprintf("'%s'", string);
	if (!strstr(string, "\"\"\"") && string[length - 1] != '"')
		return xasprintf("\"\"\"%s\"\"\"", string);
	*error = xstrdup("it contains both kinds of quotes, and the syntax has no escapes");
	return NULL;
}

static char *format_list(const struct conf_value *list, char **error)
{
	char *text = xstrdup("[ ");

	for (size_t i = 0; i < list->n_items; i++) {
		cleanup_free char *before = text;
		cleanup_free char *item = confvalue_format(&list->items[i], error);
		if (!item)
			return NULL;
		text = xasprintf("%s%s%s", before, item, i + 1 < list->n_items ? ", " : " ");
	}
	cleanup_free char *before = text;
	return xasprintf("%s]", before);
}

char *confvalue_format(const struct conf_value *value, char **error)
{
	if (value->type == CONF_INTEGER)
		return xasprintf("%lld", value->integer);
	if (value->type == CONF_STRING)
		return format_string(value->string, error);
	return format_list(value, error);
}

char *confvalue_show(const struct conf_value *value)
{
	cleanup_free char *error = NULL;

	if (value->type == CONF_STRING)
		return xstrdup(value->string);
	char *text = confvalue_format(value, &error);
	/* What can't be written on one line was read from several, or from odd quotes. */
	return text ? text : xasprintf("(a list with a string that cannot be shown: %s)", error);
}

/* The one statement "NAME = LITERAL", parsed; NULL if it is not exactly that. */
static struct conf *parse_literal(const char *name, const char *literal, char **error)
{
	cleanup_free char *statement = xasprintf("%s = %s", name, literal);
	cleanup_free char *reason = NULL;
	struct conf *conf = conf_parse("x", statement, strlen(statement), &reason);

	if (conf && conf->n_entries == 1 && conf->entries[0].end == strlen(statement))
		return conf;
	/* The place is one in a text that nobody has written. */
	*error = conf ? xstrdup("trailing characters after the value")
		      : xstrdup(strstr(reason, ": ") + 2);
	conf_free(conf);
	return NULL;
}

static bool is_quoted_key(const struct confkey *key, const char *word)
{
	switch (key->type) {
	case CONFKEY_STRING:
	case CONFKEY_USER:
	case CONFKEY_GROUP:
		return true;
	case CONFKEY_STRING_OR_LIST:
		return *word != '[';
	case CONFKEY_SIZE:
		return strcmp(word, "unlimited") == 0;
	case CONFKEY_BYTES:
		return word[strspn(word, "+0123456789")] != '\0';
	default:
		return false;
	}
}

/* What the settings of this package refuse, though libvirt may take it. */
static bool is_good_setting(const char *name, const char *literal, char **error)
{
	cleanup_free char *statement = xasprintf("%s = %s\n", name, literal);
	cleanup_free char *reason = NULL;
	struct settings settings;

	if (settings_from_text(&settings, "x", statement, strlen(statement), &reason)) {
		settings_free(&settings);
		return true;
	}
	/* "x:1:8: user: ..." */
	const char *behind_place = strstr(reason, ": ");
	const char *behind_key = behind_place ? strstr(behind_place + 2, ": ") : NULL;
	*error = xstrdup(behind_key ? behind_key + 2 : reason);
	return false;
}

char *confvalue_from_word(
	const char *name, const struct confkey *key, const char *word, char **error)
{
	const char *expected;
	cleanup_free char *literal = NULL;

	if (key && is_quoted_key(key, word))
		literal = format_string(word, error);
	else
		literal = xstrdup(word);
	if (!literal)
		return NULL;
	struct conf *conf = parse_literal(name, literal, error);
	if (!conf && key && !is_quoted_key(key, word)) {
		/* libvirt's type says more than the grammar. */
		confkey_accepts(key, &(const struct conf_value){0}, &expected);
		free(*error);
		*error = xasprintf("expected %s", expected);
	}
	if (!conf)
		return NULL;
	bool accepted = !key || confkey_accepts(key, &conf->entries[0].value, &expected);
	if (!accepted)
		*error = xasprintf("expected %s", expected);
	char *canonical = accepted ? confvalue_format(&conf->entries[0].value, error) : NULL;
	conf_free(conf);
	if (canonical && !is_good_setting(name, canonical, error)) {
		free(canonical);
		return NULL;
	}
	return canonical;
}
