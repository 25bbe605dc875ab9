/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/plan_entries.h"

#include "base/error.h"
#include "base/log.h"
#include "claims/find.h"

#include <stdlib.h>
#include <string.h>

void plan_refuse(struct claims_plan *plan, struct claims_item *item, char *reason, char *help)
{
	free(item->reason);
	free(item->help);
	item->reason = reason;
	item->help = help;
	item->action = ACTION_REFUSE;
	plan->refused = true;
}

static const struct entry *find_in(
	const struct journal *journal, const struct fileid *id, enum entry_kind kind, uid_t uid)
{
	const struct entry *e = NULL;

	while ((e = journal_find(journal, id, e)) != NULL)
		if (e->kind == kind && (kind != ENTRY_GRANT || e->new_uid == uid) &&
			!claims_has_ended(journal, e))
			return e;
	return NULL;
}

const struct entry *plan_find_entry(struct claims_plan *plan, const struct fileid *id,
	enum entry_kind kind, uid_t uid, const struct journal **whose)
{
	const struct entry *e = find_in(plan->journal, id, kind, uid);

	*whose = plan->journal;
	journal_others_of(&plan->others, id->inode);
	for (size_t j = 0; j < plan->others.n && !e; j++) {
		/* Its copy from the disk. */
		if (strcmp(plan->others.all[j]->name, plan->journal->name) == 0)
			continue;
		*whose = plan->others.all[j];
		e = find_in(*whose, id, kind, uid);
	}
	return e;
}

static char type_of(mode_t mode)
{
	return S_ISREG(mode)   ? 'f'
	       : S_ISBLK(mode) ? 'b'
	       : S_ISCHR(mode) ? 'c'
	       : S_ISDIR(mode) ? 'd'
			       : 0;
}

void plan_run_out(struct claims_plan *plan, const char *path)
{
	free(plan->failure);
	error_set_errno(&plan->failure,
		"cannot keep %s open; raise the limit of open files (ulimit -n)", path);
}

struct entry *plan_add_entry(struct claims_plan *plan, enum entry_kind kind, int fd,
	const char *path, const struct stat *st, const struct fileid *id)
{
	struct journal *journal = plan->journal;

	if (fd < 0) {
		plan_run_out(plan, path);
		return NULL;
	}
	struct entry *e = journal_add(journal);
	size_t n = journal->n_entries;
	if ((n & (n - 1)) == 0 || n == plan->first_new + 1)
		plan->fds = xreallocarray(plan->fds, 2 * n, sizeof(int));
	plan->fds[n - 1] = fd;
	e->kind = kind;
	e->path = xstrdup(path);
	e->type = type_of(st->st_mode);
	e->id = *id;
	return e;
}
