/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parse of a qemu.conf as text, one line per setting:
 *
 *   LINE:COLUMN KEY = VALUE bytes BEGIN-END
 *
 * with VALUE as LINE:COLUMN followed by an integer, a "string" (bytes that are
 * not printable ASCII, and \, as \xNN) or [VALUE, ...]; or "error MESSAGE".
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline void print_string(FILE *out, const char *string)
{
	fputc('"', out);
	for (const char *c = string; *c; c++) {
		if (*c >= 0x20 && *c < 0x7f && *c != '\\')
			fputc(*c, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*c);
	}
	fputc('"', out);
}

static inline void print_value(FILE *out, const struct conf_value *value)
{
	fprintf(out, "%u:%u ", value->line, value->column);
	if (value->type == CONF_INTEGER) {
		fprintf(out, "%lld", value->integer);
	} else if (value->type == CONF_STRING) {
		print_string(out, value->string);
	} else {
		fputc('[', out);
		for (size_t i = 0; i < value->n_items; i++) {
			fputs(i ? ", " : "", out);
			print_value(out, &value->items[i]);
		}
		fputc(']', out);
	}
}

/* Parses text and prints what came out. Returns whether it was accepted. */
static inline bool print_parse(FILE *out, const char *name, const char *text, size_t length)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(name, text, length, &error);

	if (!conf) {
		fprintf(out, "error %s\n", error);
		return false;
	}
	for (size_t i = 0; i < conf->n_entries; i++) {
		const struct conf_entry *entry = &conf->entries[i];
		fprintf(out, "%u:%u %s = ", entry->line, entry->column, entry->key);
		print_value(out, &entry->value);
		fprintf(out, " bytes %zu-%zu\n", entry->begin, entry->end);
	}
	conf_free(conf);
	return true;
}

/* The bytes of a file or, for "-", of standard input; a new string. */
static inline char *read_bytes(const char *path, size_t *length)
{
	cleanup_file FILE *file = strcmp(path, "-") == 0 ? fdopen(0, "r") : fopen(path, "r");
	size_t allocated = 1 << 16, n;
	char *text = xmalloc(allocated);

	if (!file)
		die_errno("cannot open %s", path);
	for (*length = 0; (n = fread(text + *length, 1, allocated - *length, file)) > 0;) {
		*length += n;
		if (*length == allocated)
			text = xreallocarray(text, allocated *= 2, 1);
	}
	if (ferror(file))
		die_errno("cannot read %s", path);
	return text;
}
