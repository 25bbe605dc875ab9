/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings as text: KEY VALUE LINE, one per line, LINE 0 for a default. */
#pragma once

#include "conf/settings.h"

#include <stdio.h>

static void print_limit(FILE *out, const char *key, const struct limit *limit)
{
	fprintf(out, "%s ", key);
	if (limit->kind == LIMIT_VALUE)
		fprintf(out, "%llu", limit->value);
	else
		fputs(limit->kind == LIMIT_UNLIMITED ? "unlimited" : "unset", out);
	fprintf(out, " %u\n", limit->line);
}

static void print_settings(FILE *out, const struct settings *s)
{
	const struct {
		const char *key;
		struct setting_integer setting;
	} integers[] = {
		{"dynamic_ownership", s->dynamic_ownership},
		{"remember_owner", s->remember_owner},
		{"clear_emulator_capabilities", s->clear_emulator_capabilities},
		{"seccomp_sandbox", s->seccomp_sandbox},
	};

	fprintf(out, "user %s %u\n", s->user.value, s->user.line);
	fprintf(out, "group %s %u\n", s->group.value, s->group.line);
	for (size_t i = 0; i < sizeof(integers) / sizeof(integers[0]); i++)
		fprintf(out, "%s %d %u\n", integers[i].key, integers[i].setting.value,
			integers[i].setting.line);
	fprintf(out, "isolate_ids %u:%u %u\n", s->isolate_ids.value.first,
		s->isolate_ids.value.count, s->isolate_ids.line);
	fprintf(out, "namespaces %s %u\n", s->no_namespaces ? "none" : "some", s->namespaces_line);
	fprintf(out, "devices %zu\n", s->n_devices);
	print_limit(out, "max_core", &s->max_core);
	print_limit(out, "max_processes", &s->max_processes);
	print_limit(out, "max_files", &s->max_files);
}
