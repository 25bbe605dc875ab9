/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/subid.h"

#include <stdlib.h>
#include <string.h>

/* A decimal number at *p, which is advanced. */
static bool number(const char **p, unsigned long long *value)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	*value = strtoull(*p, &end, 10);
	*p = end;
	return true;
}

static bool parse(struct subid_line *line)
{
	const char *colon = memchr(line->begin, ':', line->length);

	if (!colon)
		return false;
	line->name = (size_t)(colon - line->begin);
	const char *p = colon + 1;
	return number(&p, &line->first) && *p++ == ':' && number(&p, &line->count);
}

bool subid_next(const char *text, struct subid_line *line)
{
	const char *next = text;

	if (line->begin) {
		next = line->begin + line->length;
		next += *next == '\n';
	}
	while (*next) {
		line->begin = next;
		line->length = strcspn(next, "\n");
		line->number++;
		if (parse(line))
			return true;
		next += line->length + (next[line->length] == '\n');
	}
	return false;
}

bool subid_is_reservation(const struct subid_line *line)
{
	return line->name == strlen(SUBID_OWNER) &&
	       strncmp(line->begin, SUBID_OWNER, line->name) == 0;
}
