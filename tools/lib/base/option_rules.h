/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options of a tool go together, as a table: what would be ignored is an error. */
#pragma once

#include "base/options.h"

/* Names are without hyphens; lists of them are separated by blanks. */
struct option_rule {
	const char *option; /* the rule is for command lines that have it */
	const char *needs;  /* one of these goes with it; NULL: it needs none */
	const char *only;   /* no others but these go with it; NULL: others do */
	const char *bars;   /* none of these goes with it; NULL: all do */
};

/*
 * Whether the options that were given (struct option_words) follow all rules, of which the last one
 * has no option. False and a new message that names two options: the first rule that is broken.
 */
bool option_rules_hold(const struct option_table *table, uint64_t given,
	const struct option_rule *rules, char **error);
