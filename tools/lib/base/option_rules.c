/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/option_rules.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <string.h>

static bool is_in(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
			return true;
	return false;
}

static bool is_given(const struct option_table *table, uint64_t given, const char *name)
{
	const struct option_row *row;

	for (size_t i = 0; (row = options_row(table, i)) != NULL; i++)
		if (given >> i & 1 && strcmp(row->name, name) == 0)
			return true;
	return false;
}

/* "--check, --dry-run or --list", new. */
static char *enumeration(const char *list)
{
	char *text = xstrdup("");

	while (*list) {
		cleanup_free char *before = text;
		size_t length = strcspn(list, " ");
		const char *rest = list + length + (list[length] == ' ');
		const char *between = !*before ? "" : *rest ? ", " : " or ";
		text = xasprintf("%s%s--%.*s", before, between, (int)length, list);
		list = rest;
	}
	return text;
}

static bool holds(const struct option_table *table, uint64_t given, const struct option_rule *rule,
	char **error)
{
	const struct option_row *row;
	bool has_needed = !rule->needs;

	if (!is_given(table, given, rule->option))
		return true;
	for (size_t i = 0; (row = options_row(table, i)) != NULL; i++) {
		if (!(given >> i & 1) || strcmp(row->name, rule->option) == 0)
			continue;
		has_needed = has_needed || is_in(rule->needs, row->name);
		if ((rule->only && !is_in(rule->only, row->name)) ||
			(rule->bars && is_in(rule->bars, row->name)))
			return error_set(
				error, "--%s cannot be used with --%s", row->name, rule->option);
	}
	if (has_needed)
		return true;
	cleanup_free char *needed = enumeration(rule->needs);
	return error_set(error, "--%s requires %s", rule->option, needed);
}

bool option_rules_hold(const struct option_table *table, uint64_t given,
	const struct option_rule *rules, char **error)
{
	for (; rules->option; rules++)
		if (!holds(table, given, rules, error))
			return false;
	return true;
}
