/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue of checks as mdoc(7), for the section CHECKS of virt-priv-audit(8): the build
 * writes it to standard output, and puts it into the page. It is not installed.
 */
#include "audit/audit.h"
#include "audit/checks.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 78

/* One word; a hyphen may be another sign for roff(7), and what begins a line a request. */
static void print_roff_word(const char *word, unsigned length, bool is_first)
{
	if (is_first && (*word == '.' || *word == '\''))
		fputs("\\&", stdout);
	for (unsigned i = 0; i < length; i++) {
		if (word[i] == '\\')
			fputs("\\e", stdout);
		else if (word[i] == '-')
			fputs("\\-", stdout);
		else
			putchar(word[i]);
	}
}

/* Filled, and each sentence on a new line, as mdoc(7) wants it. */
static void print_roff(const char *text)
{
	unsigned column = 0;

	while (*text) {
		unsigned length = (unsigned)strcspn(text, " ");
		if (column && column + 1 + length > WIDTH) {
			putchar('\n');
			column = 0;
		} else if (column) {
			putchar(' ');
		}
		print_roff_word(text, length, column == 0);
		column += (column != 0) + length;
		bool ends = text[length - 1] == '.' || text[length - 1] == ':';
		text += length;
		text += *text == ' ';
		if (ends && *text) {
			putchar('\n');
			column = 0;
		}
	}
	putchar('\n');
}

int main(void)
{
	puts(".Bl -tag -width Ds");
	for (size_t i = 0; i < n_audit_checks; i++) {
		const struct audit_check *check = &audit_checks[i];
		printf(".It Cm %s Pq %s\n.Em ", check->id, severity_name(check->severity));
		print_roff(check->title);
		puts(".br");
		print_roff(check->explanation);
		puts(".br\nWhat helps:");
		print_roff(check->remedy);
	}
	puts(".El");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
