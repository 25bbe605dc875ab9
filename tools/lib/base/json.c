/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/json.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned depth;
static bool is_first = true; /* of its object or array */

static bool is_utf8(const char *text)
{
	while (*text) {
		size_t n = text_utf8_length(text);
		if (n == 0)
			return false;
		text += n;
	}
	return true;
}

static void put_string(const char *text)
{
	putchar('"');
	while (*text) {
		size_t n = text_utf8_length(text);
		if (n == 0)
			printf("\\\\x%02x", (unsigned char)*text++);
		else if (*text == '"' || *text == '\\')
			printf("\\%c", *text++);
		else if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned char)*text++);
		else
			text += fwrite(text, 1, n, stdout);
	}
	putchar('"');
}

/* RFC 4648, section 4. */
static void put_base64(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)text;

	putchar('"');
	for (size_t left = strlen(text); left > 0; s += 3) {
		unsigned group = (unsigned)s[0] << 16;
		if (left > 1)
			group |= (unsigned)s[1] << 8;
		if (left > 2)
			group |= s[2];
		putchar(digits[group >> 18]);
		putchar(digits[group >> 12 & 63]);
		putchar(left > 1 ? digits[group >> 6 & 63] : '=');
		putchar(left > 2 ? digits[group & 63] : '=');
		left -= left > 3 ? 3 : left;
	}
	putchar('"');
}

/* The comma behind the previous member, a new line, and the key with suffix. */
static void start_member(const char *key, const char *suffix)
{
	if (!is_first)
		putchar(',');
	if (depth > 0)
		putchar('\n');
	for (unsigned i = 0; i < depth; i++)
		fputs("  ", stdout);
	is_first = false;
	if (key) {
		char *full = xasprintf("%s%s", key, suffix);
		put_string(full);
		fputs(": ", stdout);
		free(full);
	}
}

static void begin(const char *key, const char *suffix, char bracket)
{
	start_member(key, suffix);
	putchar(bracket);
	depth++;
	is_first = true;
}

static void end(char bracket)
{
	depth--;
	if (!is_first) {
		putchar('\n');
		for (unsigned i = 0; i < depth; i++)
			fputs("  ", stdout);
	}
	putchar(bracket);
	is_first = false;
}

void json_begin_object(const char *key)
{
	begin(key, "", '{');
}

void json_end_object(void)
{
	end('}');
}

void json_begin_array(const char *key)
{
	begin(key, "", '[');
}

void json_end_array(void)
{
	end(']');
}

void json_integer(const char *key, long long value)
{
	start_member(key, "");
	printf("%lld", value);
}

void json_boolean(const char *key, bool value)
{
	start_member(key, "");
	fputs(value ? "true" : "false", stdout);
}

void json_null(const char *key)
{
	start_member(key, "");
	fputs("null", stdout);
}

void json_bytes(const char *key, const char *text)
{
	if (!text) {
		json_null(key);
		return;
	}
	start_member(key, "");
	put_string(text);
	if (!is_utf8(text)) {
		start_member(key, "_raw");
		put_base64(text);
	}
}

void json_byte_strings(const char *key, char *const *texts)
{
	bool all_utf8 = true;

	begin(key, "", '[');
	for (char *const *t = texts; *t; t++) {
		json_element(*t);
		all_utf8 = all_utf8 && is_utf8(*t);
	}
	end(']');
	if (all_utf8)
		return;
	begin(key, "_raw", '[');
	for (char *const *t = texts; *t; t++) {
		start_member(NULL, "");
		put_base64(*t);
	}
	end(']');
}

void json_element(const char *text)
{
	start_member(NULL, "");
	put_string(text);
}

void json_finish(void)
{
	putchar('\n');
	is_first = true;
}
