/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a file in the grammar of libvirt's qemu.conf. Pure: text in, values or
 * one message out; which file, and what its keys mean, is settings.h.
 *
 * The grammar is that of libvirt's src/util/virconf.c: statements separated by
 * newlines or ";"; NAME = VALUE with the value on the line of its "="; "#"
 * starts a comment, also behind a value; values are integers, strings in
 * single, double or triple double quotes without escapes (only triple-quoted
 * ones span lines), and lists over several lines, nestable, with an optional
 * last comma and no comments inside. The first of duplicate keys wins, as in
 * libvirt's virConfGetValue().
 *
 * Stricter than libvirt, where laxness is dangerous: an integer that does not
 * fit, a NUL byte and lists nested deeper than CONF_MAX_DEPTH are errors.
 * Laxer where libvirt stumbles: a file of white space alone is an empty one,
 * and an empty triple-quoted string may be its last six bytes.
 *
 * Private to conf/.
 */
#pragma once

#include <stddef.h>

#define CONF_MAX_DEPTH 16
/* libvirt's MAX_CONFIG_FILE_SIZE. */
#define CONF_MAX_SIZE ((size_t)10 * 1024 * 1024)

enum conf_type { CONF_INTEGER, CONF_STRING, CONF_LIST };

struct conf_value {
	enum conf_type type;
	long long integer;
	char *string;
	struct conf_value *items;
	size_t n_items;
	unsigned line, column; /* of the value's first character, from 1, columns in bytes */
};

struct conf_entry {
	char *key;
	struct conf_value value;
	unsigned line, column; /* of the key */
	/* Byte offsets into the text: the statement (key to end of value). */
	size_t begin, end;
};

struct conf {
	char *name;		    /* as given to conf_parse() */
	struct conf_entry *entries; /* in the order of the file, duplicates included */
	size_t n_entries;
};

/*
 * Parses the length bytes at text. name stands in messages. Returns a new
 * object that conf_free() releases, or NULL and in *error a new message
 * "name:line:column: what was expected" that the caller frees.
 */
struct conf *conf_parse(const char *name, const char *text, size_t length, char **error);
void conf_free(struct conf *conf);

static inline void cleanup_conf_(struct conf *const *conf)
{
	conf_free(*conf);
}

#define cleanup_conf __attribute__((cleanup(cleanup_conf_)))

/* The first entry of that key, or NULL. It lives as long as conf. */
const struct conf_entry *conf_get(const struct conf *conf, const char *key);

/* "an integer", "a string", "a list": for messages. */
const char *conf_type_name(enum conf_type type);
