/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/intern.h"

#include "base/log.h"

#include <search.h>
#include <string.h>

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

const char *intern(const char *text)
{
	static void *all;
	static const char *last;

	/* Objects that follow each other have the same one. */
	if (last && strcmp(last, text) == 0)
		return last;
	const char *const *found = tfind(text, &all, by_text);
	if (!found && !(found = tsearch(xstrdup(text), &all, by_text)))
		die_out_of_memory();
	return last = *found;
}
