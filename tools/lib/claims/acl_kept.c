/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/acl_kept.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/acl.h"

#include <string.h>

static char *with_grants(const struct journal *journal, const struct entry *e, bool in,
	struct journal *const *all, size_t n_all, char **error)
{
	char *acl = xstrdup(e->ownable.acl);

	for (size_t j = 0; j <= n_all && acl; j++) {
		const struct journal *one = j < n_all ? all[j] : journal;
		if (j < n_all && strcmp(one->name, journal->name) == 0)
			continue;
		const struct entry *grant = NULL;
		while (acl && (grant = journal_find(one, &e->id, grant)) != NULL) {
			if (grant->kind != ENTRY_GRANT || grant->done)
				continue;
			char *next = in ? acl_grant_in(acl, grant, error)
					: acl_grant_out(acl, grant, error);
			free(acl);
			acl = next;
		}
	}
	return acl;
}

char *acl_kept_with_grants(const struct journal *journal, const struct entry *e,
	struct journal *const *all, size_t n_all, char **error)
{
	return with_grants(journal, e, true, all, n_all, error);
}

char *acl_kept_without_grants(const struct journal *journal, const struct entry *e,
	struct journal *const *all, size_t n_all, char **error)
{
	return with_grants(journal, e, false, all, n_all, error);
}
