/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/shell_word.h"

#include "base/log.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

char *shell_word(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+,:@%=";
	bool is_safe = true;

	if (*text && strspn(text, plain) == strlen(text))
		return xstrdup(text);
	char *word = xmalloc(4 * strlen(text) + sizeof "$''"), *to = word;
	for (const char *p = text; *p && is_safe; p += text_utf8_length(p))
		is_safe = text_utf8_length(p) > 0 && !text_is_control(p);
	to = stpcpy(to, is_safe ? "'" : "$'");
	while (*text) {
		size_t n = text_utf8_length(text);
		if (n == 0 || text_is_control(text))
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
