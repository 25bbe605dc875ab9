/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_damage.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"

#include <stdlib.h>

bool journal_damage_list(struct journal_damage **out, size_t *n, char **error)
{
	size_t n_names;
	cleanup_free char **names = NULL;

	*out = NULL;
	*n = 0;
	if (!journal_names(&names, &n_names, error))
		return false;
	struct journal_damage *all = xcalloc(n_names + 1, sizeof *all);
	for (size_t i = 0; i < n_names; i++) {
		struct journal_file file;
		journal_load(names[i], &file);
		if (file.state == JOURNAL_DAMAGED) {
			all[*n].name = steal_pointer(&names[i]);
			all[(*n)++].why = steal_pointer(&file.why);
		}
		journal_file_free(&file);
		free(names[i]);
	}
	*out = all;
	return true;
}

void journal_damage_free(struct journal_damage *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(all[i].name);
		free(all[i].why);
	}
	free(all);
}

char *journal_damage_reason(void)
{
	size_t n;
	struct journal_damage *all;
	cleanup_free char *error = NULL;

	if (!journal_damage_list(&all, &n, &error))
		return xasprintf("cannot determine whether another VM has claimed it: %s", error);
	cleanup_free char *command = n ? journal_set_aside_command(all[0].name) : NULL;
	char *reason = xasprintf("cannot determine whether another VM has claimed it: a journal "
				 "cannot be read%s%s%s%s",
		n ? ": " : "", n ? all[0].why : "", n ? "; first: " : "", n ? command : "");

	journal_damage_free(all, n);
	return reason;
}
