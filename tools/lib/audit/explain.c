/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogue of checks, for people: --explain. */
#include "audit/report.h"

#include "audit/checks.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 78

/* Filled to lines, each with the indentation. */
static void print_filled(const char *text, unsigned indent)
{
	unsigned column = 0;

	while (*text) {
		unsigned length = (unsigned)strcspn(text, " ");
		if (column && column + 1 + length > WIDTH) {
			putchar('\n');
			column = 0;
		}
		column += (unsigned)(column ? printf(" ") : printf("%*s", (int)indent, ""));
		column += (unsigned)printf("%.*s", (int)length, text);
		text += length;
		text += *text == ' ';
	}
	putchar('\n');
}

void audit_explain(const struct audit_check *check)
{
	printf("%s  %s\n\nSeverity: %s\n\n", check->id, check->title,
		severity_name(check->severity));
	print_filled(check->explanation, 0);
	printf("\nWhat helps:\n");
	print_filled(check->remedy, 2);
}

void audit_explain_all(void)
{
	for (size_t i = 0; i < n_audit_checks; i++)
		printf("%s  %-9s %s\n", audit_checks[i].id, severity_name(audit_checks[i].severity),
			audit_checks[i].title);
}
