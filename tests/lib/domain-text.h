/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A parse of a domain XML as text:
 *
 *   domain NAME label LABEL
 *   TREATMENT KIND PATH source SOURCE reason REASON label LABEL format FORMAT [shared] [optional]
 *
 * with one line of the second form per resource. Strings stand in quotes, bytes
 * of them that are not printable ASCII, \ and " as \xNN; what is not there is -.
 * Or "error MESSAGE".
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/domain_xml.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline void print_text(FILE *out, const char *before, const char *text)
{
	fprintf(out, "%s ", before);
	if (!text) {
		fputc('-', out);
		return;
	}
	fputc('"', out);
	for (const char *c = text; *c; c++) {
		if (*c >= 0x20 && *c < 0x7f && *c != '\\' && *c != '"')
			fputc(*c, out);
		else
			fprintf(out, "\\x%02x", (unsigned char)*c);
	}
	fputc('"', out);
}

static inline const char *treatment_name(const struct claim_request *r)
{
	switch (r->action) {
	case ACTION_CLAIM:
		return "claim";
	case ACTION_CHECK:
		return r->access == ACCESS_RW && !r->shared ? "check-write" : "check-read";
	case ACTION_LEAVE:
		return "unhandled";
	default:
		return "nothing";
	}
}

static inline void print_resource(FILE *out, const struct claim_request *r)
{
	fprintf(out, "%s ", treatment_name(r));
	print_text(out, resource_kind_name(r->kind), r->path);
	print_text(out, " source", r->source);
	print_text(out, " reason", r->reason);
	print_text(out, " label", r->label);
	print_text(out, " format", r->format);
	fprintf(out, "%s%s\n", r->shared ? " shared" : "", r->optional ? " optional" : "");
}

/* Parses text and prints what came out. Returns whether it was accepted. */
static inline bool print_domain(FILE *out, const char *name, const char *text, size_t length)
{
	cleanup_free char *error = NULL;
	struct domain *domain = domain_parse(name, text, length, &error);

	if (!domain) {
		cleanup_free char *escaped = log_escape(error);
		fprintf(out, "error %s\n", escaped);
		return false;
	}
	print_text(out, "domain", domain->name);
	print_text(out, " label", domain->label);
	fputc('\n', out);
	for (size_t i = 0; i < domain->requests.n; i++)
		print_resource(out, &domain->requests.all[i]);
	domain_free(domain);
	return true;
}

/* The bytes of a file or, for "-", of standard input; a new string. */
static inline char *read_domain(const char *path, size_t *length)
{
	cleanup_file FILE *file = strcmp(path, "-") == 0 ? fdopen(0, "r") : fopen(path, "r");
	size_t allocated = 1 << 16, n;
	char *text = xmalloc(allocated);

	if (!file)
		die_errno("cannot open %s", path);
	for (*length = 0; (n = fread(text + *length, 1, allocated - *length, file)) > 0;) {
		*length += n;
		if (*length == allocated)
			text = xreallocarray(text, allocated *= 2, 1);
	}
	if (ferror(file))
		die_errno("cannot read %s", path);
	return text;
}
