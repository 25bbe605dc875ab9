/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/guest_name.h"

#include "base/log.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where the value that begins there ends: at a comma that is not doubled. */
static const char *value_end(const char *value)
{
	for (;; value += 2) {
		value += strcspn(value, ",");
		if (value[0] != ',' || value[1] != ',')
			return value;
	}
}

/* Without the commas that double others (util/qemu-option.c, get_opt_value()). */
static char *decode(const char *value, const char *end)
{
	char *name = xmalloc((size_t)(end - value) + 1);
	size_t n = 0;

	for (; value < end; value++) {
		name[n++] = *value;
		value += value[0] == ',';
	}
	name[n] = '\0';
	return name;
}

/* The key may be left out where the first value is the name. NULL: it has no such key. */
static char *guest_of(const char *options)
{
	static const char key[] = "guest=";
	char *name = NULL;
	const char *end;

	for (const char *value = options;; value = end + 1) {
		end = value_end(value);
		size_t length = strcspn(value, ",=");
		bool is_bare = value == options && value[length] != '=';
		bool is_guest = strncmp(value, key, strlen(key)) == 0;
		if (is_bare || is_guest) {
			free(name);
			name = decode(value + (is_guest ? strlen(key) : 0), end);
		}
		if (!*end)
			return name;
	}
}

char *qemu_guest_name(const char *words, size_t length)
{
	char *name = NULL;
	bool is_next = false;

	for (const char *word = words, *end; word < words + length; word = end + 1) {
		end = memchr(word, '\0', (size_t)(words + length - word));
		if (!end)
			break;
		char *found = is_next ? guest_of(word) : NULL;
		if (found) {
			free(name);
			name = found;
		}
		is_next = !is_next && (strcmp(word, "-name") == 0 || strcmp(word, "--name") == 0);
	}
	if (name && !*name) {
		free(name);
		return NULL;
	}
	return name;
}
