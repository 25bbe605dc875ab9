/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/plan_access.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/acl.h"
#include "claims/plan_entries.h"
#include "path/advice.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* One ACL entry. Returns why it can't be, a new message, or NULL. */
static char *plan_grant(struct claims_plan *plan, int fd, const char *path, const struct stat *st,
	const struct identity *identity)
{
	const struct journal *whose;
	struct fileid id;
	cleanup_free char *error = NULL;

	if (S_ISREG(st->st_mode) && st->st_nlink > 1)
		return xasprintf("%s has %lu hard links; access would be granted under all of them",
			path, (unsigned long)st->st_nlink);
	if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode) && !S_ISDIR(st->st_mode))
		return xasprintf("%s is not a file, block device or directory", path);
	if (!fileid_of(fd, &id, &error))
		return steal_pointer(&error);
	const struct entry *other = plan_find_entry(plan, &id, ENTRY_GRANT, identity->uid, &whose);
	if (other && whose == plan->journal)
		return NULL;
	struct entry *e =
		plan_add_entry(plan, ENTRY_GRANT, fcntl(fd, F_DUPFD_CLOEXEC, 3), path, st, &id);
	if (!e)
		return xstrdup(plan->failure);
	e->old_uid = st->st_uid;
	e->old_gid = st->st_gid;
	e->mode = st->st_mode & 07777;
	e->new_uid = identity->uid;
	e->new_gid = identity->gid;
	/* What another VM was granted is given to this one with the same words. */
	if (other) {
		e->old_uid = other->old_uid;
		e->old_gid = other->old_gid;
		e->mode = other->mode;
		e->acl_before = xstrdup(other->acl_before);
		e->acl_after = xstrdup(other->acl_after);
		return NULL;
	}
	return acl_grant_plan(e, fd, &error) ? NULL : xasprintf("%s: %s", path, error);
}

/* What another VM's grant gives to this one too must outlast that VM. */
static char *share_grants(
	struct claims_plan *plan, const struct safepath *walk, const struct identity *identity)
{
	const struct journal *whose;

	for (size_t i = 0; plan->others.has_grants && i <= walk->n_dirs; i++) {
		int fd = i < walk->n_dirs ? walk->dirs[i]->fd : walk->fd;
		const struct stat *st = i < walk->n_dirs ? &walk->dirs[i]->st : &walk->st;
		const char *path = i < walk->n_dirs ? walk->dirs[i]->path : walk->path;
		struct fileid id;
		char *error = NULL;
		/* An ACL beyond the mode shows in the mode: its mask. */
		if (!(st->st_mode & S_IRWXG))
			continue;
		if (!fileid_of(fd, &id, &error))
			return error;
		if (plan_find_entry(plan, &id, ENTRY_GRANT, identity->uid, &whose) &&
			(error = plan_grant(plan, fd, path, st, identity)) != NULL)
			return error;
	}
	return NULL;
}

/* Why access stays denied, a new message; NULL: it is granted, when the plan is carried out. */
static char *settle_denial(struct claims_plan *plan, const struct safepath *walk,
	const struct denial *denial, const struct identity *identity)
{
	cleanup_free char *unsafe = advice_why_unsafe(walk, denial->path, denial->st.st_uid);

	if (unsafe)
		return xasprintf("cannot grant access: %s", unsafe);
	return plan_grant(plan, denial->fd, denial->path, &denial->st, identity);
}

/* The same of all of them. instead: of the request; help: see base/help.h. */
static char *settle_denials(struct claims_plan *plan, const struct safepath *walk,
	const struct denials *denials, const struct identity *identity, const char *instead,
	char **help)
{
	bool is_written = false;
	char *problem = NULL;

	for (size_t i = 0; i < denials->n; i++)
		is_written |= (denials->all[i].missing & W_OK) != 0;
	if (!plan->grant_read || is_written) {
		bool can_grant = !plan->grant_read && !is_written;
		cleanup_free char *both =
			can_grant ? xasprintf("%s%s--grant-read", instead ? instead : "use ",
					    instead ? " or " : "")
				  : NULL;
		return advice_explain(
			denials, walk, identity, &plan->advised, both ? both : instead, help);
	}
	for (size_t i = 0; i < denials->n && !problem; i++)
		problem = settle_denial(plan, walk, &denials->all[i], identity);
	return problem;
}

void plan_access(struct claims_plan *plan, struct claims_item *item, const struct safepath *walk,
	int wanted, const struct identity *identity, const char *instead)
{
	struct denials denials;
	char *problem = NULL, *help = NULL;

	if (access_denials(walk, wanted, identity, &denials, &problem))
		problem = share_grants(plan, walk, identity);
	if (denials.n > 0 && !problem)
		problem = settle_denials(plan, walk, &denials, identity, instead, &help);
	if (denials.n > 0 && !problem && item->action == ACTION_CHECK)
		item->action = ACTION_GRANT;
	access_free(&denials);
	if (problem)
		plan_refuse(plan, item, problem, help);
}
