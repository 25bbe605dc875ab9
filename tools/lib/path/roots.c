/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/roots.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "path/command.h"
#include "path/trust.h"

#include <stdlib.h>

static char *why_not_roots(
	const struct trust_facts *facts, const char *path, const char *look, char **help)
{
	struct trust_report report;

	if (trust_allows(TRUST_STEERS, facts, 0, &report))
		return NULL;
	cleanup_free char *cause = trust_explain(facts, &report, NULL);
	cleanup_free char *as = command_as(path);
	/* Where somebody else has the path, there is more to do than a command. */
	char *command = as && !*as ? trust_help(facts, 0, path) : NULL;
	cleanup_free char *between = xasprintf("; %s, then: ", look);
	return help_message(help, steal_pointer(&cause), between, command);
}

char *roots_why_not(int fd, const struct stat *st, const char *path, const char *look, char **help)
{
	struct trust_facts facts = trust_read(fd, st);
	char *why = why_not_roots(&facts, path, look, help);

	trust_free(&facts);
	if (!why && S_ISDIR(st->st_mode)) {
		facts = trust_read_default(fd, st);
		why = why_not_roots(&facts, path, look, help);
		trust_free(&facts);
	}
	return why;
}

bool roots_has_alone(int fd, const struct stat *st)
{
	cleanup_free char *why = roots_why_not(fd, st, "", "", NULL);

	return !why;
}
