/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/ownable_record.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define N_FLAGS 5

void ownable_free(struct ownable *o)
{
	for (size_t i = 0; i < o->n_attributes; i++) {
		free(o->attributes[i].name);
		free(o->attributes[i].value);
	}
	free(o->attributes);
	free(o->acl);
	free(o->default_acl);
	*o = (struct ownable){0};
}

void ownable_add(struct ownable *o, char *name, unsigned char *value, size_t size)
{
	o->attributes = xreallocarray(o->attributes, o->n_attributes + 1, sizeof *o->attributes);
	o->attributes[o->n_attributes++] = (struct ownable_attribute){name, value, size};
}

static void put_attribute(FILE *out, const struct ownable_attribute *attribute)
{
	fputs("user-attribute 0x", out);
	journal_text_put_hex(out, attribute->value, attribute->size);
	putc(' ', out);
	journal_text_put_escaped(out, attribute->name);
	putc('\n', out);
}

void ownable_record_put(FILE *out, const struct ownable *o)
{
	if (o->acl)
		journal_text_put(out, "acl", o->acl);
	if (o->default_acl && *o->default_acl)
		journal_text_put(out, "default-acl", o->default_acl);
	if (o->has_flags)
		fprintf(out, "flags %u %u %u %u %u\n", o->flags, o->xflags, o->project,
			o->extent_size, o->cow_extent_size);
	if (o->has_attributes)
		fprintf(out, "user-attributes %zu\n", o->n_attributes);
	for (size_t i = 0; i < o->n_attributes; i++)
		put_attribute(out, &o->attributes[i]);
}

/* Numbers with one blank between them, and nothing else. */
static bool numbers(const char *p, uint32_t *out[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *end;
		if (*p < '0' || *p > '9')
			return false;
		errno = 0;
		unsigned long long number = strtoull(p, &end, 10);
		if (errno || number > UINT32_MAX || *end != (i + 1 < n ? ' ' : '\0'))
			return false;
		*out[i] = (uint32_t)number;
		p = end + 1;
	}
	return true;
}

/* "0xHEX NAME", behind the one before it. */
static bool attribute(const char *p, struct ownable *o)
{
	const char *blank = strchr(p, ' ');
	size_t size = 0;

	if (strncmp(p, "0x", 2) != 0 || !blank || (blank - p) % 2)
		return false;
	cleanup_free unsigned char *value = xmalloc((size_t)(blank - p));
	for (p += 2; p < blank; p += 2) {
		if (journal_text_digit(p[0]) < 0 || journal_text_digit(p[1]) < 0)
			return false;
		value[size++] = (unsigned char)((unsigned)journal_text_digit(p[0]) << 4 |
						(unsigned)journal_text_digit(p[1]));
	}
	cleanup_free char *name = xstrdup(blank + 1);
	if (!journal_text_unescape(name) || strncmp(name, "user.", 5) != 0 || !name[5])
		return false;
	if (o->n_attributes > 0 && strcmp(o->attributes[o->n_attributes - 1].name, name) >= 0)
		return false;
	ownable_add(o, steal_pointer(&name), steal_pointer(&value), size);
	return true;
}

static bool acl(char **to, const char *value)
{
	if (*to || !*value)
		return false;
	*to = xstrdup(value);
	return journal_text_unescape(*to);
}

enum ownable_line ownable_record_take(const char *key, const char *value, struct ownable *o)
{
	uint32_t *flags[N_FLAGS] = {
		&o->flags, &o->xflags, &o->project, &o->extent_size, &o->cow_extent_size};
	uint32_t n = 0;
	uint32_t *count[] = {&n};
	bool good;

	if (strcmp(key, "acl") == 0) {
		good = acl(&o->acl, value);
	} else if (strcmp(key, "default-acl") == 0) {
		good = acl(&o->default_acl, value);
	} else if (strcmp(key, "flags") == 0) {
		good = o->has_flags = numbers(value, flags, N_FLAGS);
	} else if (strcmp(key, "user-attributes") == 0) {
		good = !o->has_attributes && numbers(value, count, 1);
		o->has_attributes = true;
		o->n_expected = n;
	} else if (strcmp(key, "user-attribute") == 0) {
		good = o->has_attributes && o->n_attributes < o->n_expected && attribute(value, o);
	} else {
		return OWNABLE_LINE_OTHER;
	}
	return good ? OWNABLE_LINE_TAKEN : OWNABLE_LINE_BAD;
}
