/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogue of checks, for people: --explain, and the section of the manual. */
#include "audit_report.h"

#include "log.h"

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

/* What roff(7) would take for a request, an escape or a hyphen that may be another sign. */
static void print_roff(const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '\\')
			fputs("\\e", stdout);
		else if (*p == '-')
			fputs("\\-", stdout);
		else
			putchar(*p);
	}
	putchar('\n');
}

void audit_explain_manual(void)
{
	for (size_t i = 0; i < n_audit_checks; i++) {
		const struct audit_check *check = &audit_checks[i];
		printf(".TP\n.BR %s \" (%s) \\(em ", check->id, severity_name(check->severity));
		for (const char *p = check->title; *p; p++)
			printf(*p == '-' ? "\\-" : "%c", *p);
		printf("\"\n");
		print_roff(check->explanation);
		printf(".br\n.I What helps:\n");
		print_roff(check->remedy);
	}
}
