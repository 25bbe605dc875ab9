/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reader of qemu.conf, what it makes of the settings, and what the lint says of them. */
#include "conf/conf.h"
#include "conf/conflint.h"
#include "conf/confvalue.h"
#include "conf/settings.h"
#include "fuzz.h"

static bool is_same(const struct conf_value *a, const struct conf_value *b)
{
	if (a->type != b->type || a->n_items != b->n_items)
		return false;
	for (size_t i = 0; i < a->n_items; i++)
		if (!is_same(&a->items[i], &b->items[i]))
			return false;
	return a->type == CONF_INTEGER	? a->integer == b->integer
	       : a->type == CONF_STRING ? strcmp(a->string, b->string) == 0
					: true;
}

/* A value that is written down again is the same one when it is read. */
static void check_value(const struct conf_entry *entry)
{
	cleanup_free char *error = NULL, *why = NULL;
	cleanup_free char *literal = confvalue_format(&entry->value, &error);
	cleanup_free char *shown = confvalue_show(&entry->value);

	check((literal != NULL) == (error == NULL) && shown);
	if (!literal)
		return;
	cleanup_free char *line = xasprintf("%s = %s\n", entry->key, literal);
	struct conf *again = conf_parse("again", line, strlen(line), &why);
	check(again && again->n_entries == 1);
	check(is_same(&again->entries[0].value, &entry->value));
	conf_free(again);
}

static void check_entries(const struct conf *conf, const char *text, size_t size)
{
	size_t behind = 0;

	for (size_t i = 0; i < conf->n_entries; i++) {
		const struct conf_entry *entry = &conf->entries[i];
		check(entry->begin >= behind && entry->end > entry->begin && entry->end <= size);
		check(memcmp(text + entry->begin, entry->key, strlen(entry->key)) == 0);
		check(entry->line > 0 && entry->column > 0 && entry->value.line >= entry->line);
		check(conf_get(conf, entry->key));
		behind = entry->end;
		check_value(entry);
	}
}

static void lint(const char *text, size_t size)
{
	struct conftext copy = conftext_new(text, size);
	struct finding *findings;
	size_t n = conflint(&copy, &findings);

	for (size_t i = 0; i < n; i++)
		check(findings[i].kind && findings[i].message);
	conflint_free(findings, n);
	conftext_free(&copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_bytes(data, size);
	cleanup_free char *error = NULL, *why = NULL;
	struct conf *conf = conf_parse("fuzz", text, size, &error);
	struct settings settings;

	check((conf != NULL) == (error == NULL));
	if (conf)
		check_entries(conf, text, size);
	if (settings_from_text(&settings, "fuzz", text, size, &why)) {
		check(conf && *settings.user.value && *settings.group.value);
		settings_free(&settings);
	} else {
		check(why && strncmp(why, "fuzz:", 5) == 0);
	}
	lint(text, size);
	conf_free(conf);
	return 0;
}
