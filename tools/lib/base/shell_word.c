/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/shell_word.h"

#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* The length of the character that can stand as it is; 0: its first byte cannot. */
static size_t plain_length(const char *text, bool only_ascii)
{
	size_t n = text_utf8_length(text);

	return text_is_control(text) || (only_ascii && n > 1) ? 0 : n;
}

static char *make_word(const char *text, bool only_ascii)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+,:@%=";
	bool is_safe = true;

	if (*text && strspn(text, plain) == strlen(text))
		return xstrdup(text);
	char *word = xmalloc(4 * strlen(text) + sizeof "$''"), *to = word;
	for (const char *p = text; *p && is_safe; p += plain_length(p, only_ascii))
		is_safe = plain_length(p, only_ascii) > 0;
	to = stpcpy(to, is_safe ? "'" : "$'");
	while (*text) {
		size_t n = plain_length(text, only_ascii);
		if (n == 0)
			to += sprintf(to, "\\x%02x", (unsigned char)*text++);
		else if (is_safe && *text == '\'')
			to = stpcpy(to, "'\\''"), text++;
		else if (!is_safe && (*text == '\'' || *text == '\\'))
			*to++ = '\\', *to++ = *text++;
		else
			to = mempcpy(to, text, n), text += n;
	}
	strcpy(to, "'");
	return word;
}

char *shell_word(const char *text)
{
	return make_word(text, false);
}

char *shell_word_ascii(const char *text)
{
	return make_word(text, true);
}
