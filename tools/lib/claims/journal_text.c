/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_text.h"

#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789abcdef";

void journal_text_put_escaped(FILE *out, const char *text)
{
	const char *plain = text; /* what is written as it is begins there, and ends at text */

	while (*text) {
		size_t n = text_utf8_length(text);
		if (n > 0 && *text != '\\' && !text_is_control(text)) {
			text += n;
			continue;
		}
		fwrite(plain, 1, (size_t)(text - plain), out);
		fprintf(out, "\\x%02x", (unsigned char)*text++);
		plain = text;
	}
	fwrite(plain, 1, (size_t)(text - plain), out);
}

void journal_text_put_hex(FILE *out, const unsigned char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		putc(digits[bytes[i] >> 4], out);
		putc(digits[bytes[i] & 15], out);
	}
}

void journal_text_put(FILE *out, const char *key, const char *value)
{
	fputs(key, out);
	putc(' ', out);
	journal_text_put_escaped(out, value);
	putc('\n', out);
}

int journal_text_digit(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool journal_text_unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (*p != '\\') {
			*to++ = *p;
			continue;
		}
		if (p[1] != 'x' || journal_text_digit(p[2]) < 0 || journal_text_digit(p[3]) < 0)
			return false;
		*to++ = (char)((unsigned)journal_text_digit(p[2]) << 4 |
			       (unsigned)journal_text_digit(p[3]));
		p += 3;
	}
	*to = '\0';
	return true;
}

bool journal_text_number(const char **p, unsigned long long largest, unsigned long long *number)
{
	char *end;

	if (**p < '0' || **p > '9')
		return false;
	errno = 0;
	*number = strtoull(*p, &end, 10);
	*p = end;
	return errno == 0 && *number <= largest;
}
