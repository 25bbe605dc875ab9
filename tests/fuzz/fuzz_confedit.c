/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The editor of qemu.conf. A line "KEY LITERAL" comes first, the text to be edited behind it:
 * every other byte stays, and what can be undone gives the same text again.
 */
#include "conf/confedit.h"
#include "fuzz.h"

static struct conf *parse(const struct conftext *text)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse("fuzz", text->bytes, text->length, &error);

	check(conf);
	return conf;
}

static bool is_same(const struct conftext *a, const struct conftext *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

/* Whether the text b is a with some bytes put in at one place. */
static bool is_only_longer(const struct conftext *a, const struct conftext *b)
{
	size_t begin = 0, end = 0;

	while (begin < a->length && begin < b->length && a->bytes[begin] == b->bytes[begin])
		begin++;
	while (end < a->length - begin && end < b->length &&
		a->bytes[a->length - 1 - end] == b->bytes[b->length - 1 - end])
		end++;
	return begin + end == a->length;
}

static void set(struct conftext *text, const char *key, const char *literal)
{
	struct conftext before = conftext_new(text->bytes, text->length);
	struct conf *conf = parse(text);
	const struct conf_entry *entry = conf_get(conf, key);

	confedit_set(text, conf, key, literal);
	struct conf *after = parse(text);
	check(confedit_is_only_change(conf, after, key, literal));
	check(confedit_has_value(after, key, literal));
	if (entry) {
		size_t behind = before.length - entry->end;
		size_t name = entry->begin + strlen(key);
		check(text->length >= behind + name);
		check(memcmp(text->bytes, before.bytes, name) == 0);
		check(memcmp(text->bytes + text->length - behind, before.bytes + entry->end,
			      behind) == 0);
	} else {
		check(is_only_longer(&before, text));
	}
	conf_free(after);
	conf_free(conf);
	conftext_free(&before);
}

static void unset(struct conftext *text, const char *key)
{
	struct conf *conf = parse(text);
	bool is_there = conf_get(conf, key) != NULL;
	size_t length = text->length;

	check((confedit_unset(text, conf, key) > 0) == is_there);
	check(is_there ? text->length < length : text->length == length);
	struct conf *after = parse(text);
	check(confedit_is_only_change(conf, after, key, NULL));
	conf_free(after);
	conf_free(conf);
}

/* A marked block that is put in and taken away again. */
static void check_block(const struct conftext *original, enum confblock which)
{
	struct conftext text = conftext_new(original->bytes, original->length);
	struct conf *before = parse(&text);
	struct confblock_place place = confblock_find(&text, before, which);

	if (place.state != CONFBLOCK_ABSENT) {
		if (place.state == CONFBLOCK_INTACT) {
			confblock_remove(&text, &place);
			check(text.length < original->length);
			conf_free(parse(&text));
		}
	} else {
		confblock_insert(&text, before, which);
		check(is_only_longer(original, &text));
		struct conf *with = parse(&text);
		place = confblock_find(&text, with, which);
		check(place.state == CONFBLOCK_INTACT);
		if (which == CONFBLOCK_ROOT)
			check(confedit_has_value(with, "user", "\"root\"") &&
				confedit_has_value(with, "group", "\"root\""));
		confblock_remove(&text, &place);
		check(is_same(&text, original));
		conf_free(with);
	}
	conf_free(before);
	conftext_free(&text);
}

/* What virt-priv-conf gives to the editor: a name, and what confvalue_from_word() makes. */
static bool is_edit(const char *key, const char *literal)
{
	cleanup_free char *line = xasprintf("%s = %s\n", key, literal), *error = NULL;
	struct conf *conf = conf_parse("fuzz", line, strlen(line), &error);
	bool good = conf && conf->n_entries == 1 && strcmp(conf->entries[0].key, key) == 0 &&
		    conf->entries[0].begin == 0 && conf->entries[0].end == strlen(line) - 1 &&
		    !strpbrk(literal, "\r\n") && *literal != ' ' && *literal != '\t';

	conf_free(conf);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *key = fuzz_part(&data, &size, ' ');
	cleanup_free char *literal = fuzz_part(&data, &size, '\n');
	cleanup_free char *error = NULL;
	struct conftext original = conftext_new((const char *)data, size);
	struct conf *conf = conf_parse("fuzz", original.bytes, original.length, &error);

	if (conf && is_edit(key, literal)) {
		struct conftext text = conftext_new(original.bytes, original.length);
		bool was_there = conf_get(conf, key) != NULL;
		set(&text, key, literal);
		/* Once more changes nothing. */
		struct conftext once = conftext_new(text.bytes, text.length);
		set(&text, key, literal);
		check(is_same(&text, &once));
		unset(&text, key);
		check(was_there || is_same(&text, &original));
		set(&text, key, literal);
		unset(&text, key);
		check_block(&original, CONFBLOCK_ROOT);
		check_block(&original, CONFBLOCK_LIBVIRT);
		conftext_free(&once);
		conftext_free(&text);
	}
	conf_free(conf);
	conftext_free(&original);
	return 0;
}
