/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/claims.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/find.h"
#include "claims/journal_file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool claims_begin(struct claims_plan *plan, const char *name, char **error)
{
	if (!journal_read(name, &plan->journal, error))
		return false;
	/* What ended with an earlier boot does not hold a VM up. */
	if (plan->journal && claims_have_ended(plan->journal)) {
		journal_free(plan->journal);
		plan->journal = NULL;
	}
	plan->is_new = !plan->journal;
	if (plan->is_new && !(plan->journal = journal_new(name, error)))
		return false;
	plan->first_new = plan->journal->n_entries;
	return journal_others_begin(&plan->others, NULL, error);
}

static void close_objects(struct claims_plan *plan)
{
	for (size_t i = plan->first_new; plan->journal && i < plan->journal->n_entries; i++)
		if (plan->fds && plan->fds[i] >= 0)
			close(plan->fds[i]);
	free(plan->fds);
	plan->fds = NULL;
}

struct journal *claims_end_as_draft(struct claims_plan *plan)
{
	bool is_draft = plan->is_new && !plan->dry_run && !plan->refused && !plan->failure;

	close_objects(plan);
	struct journal *draft = is_draft ? steal_pointer(&plan->journal) : NULL;
	claims_end(plan);
	return draft;
}

void claims_end(struct claims_plan *plan)
{
	close_objects(plan);
	for (size_t i = 0; i < plan->n_items; i++) {
		if (plan->items[i].fd >= 0)
			close(plan->items[i].fd);
		free(plan->items[i].path);
		free(plan->items[i].source);
		free(plan->items[i].reason);
		free(plan->items[i].help);
	}
	journal_others_free(&plan->others);
	for (size_t i = 0; i < plan->n_identities; i++) {
		identity_free(&plan->identities[i]);
		free(plan->labels[i]);
	}
	free(plan->identities);
	free(plan->labels);
	free(plan->items);
	free(plan->failure);
	safepath_forget(&plan->start);
	advice_forget(&plan->advised);
	claimable_free(&plan->claimable);
	journal_free(plan->journal);
}

void claims_restart(struct claims_plan *plan)
{
	struct claims_plan fresh = {.settings = plan->settings,
		.grant_read = plan->grant_read,
		.dry_run = plan->dry_run,
		.keeps_objects = plan->keeps_objects,
		.claimable = {.forced = plan->claimable.forced,
			.n_forced = plan->claimable.n_forced},
		.quiet = true,
		.waits = plan->waits,
		.label = plan->label,
		.identities = plan->identities,
		.labels = plan->labels,
		.n_identities = plan->n_identities};

	plan->identities = NULL;
	plan->labels = NULL;
	plan->n_identities = 0;
	claims_end(plan);
	*plan = fresh;
}

/* One more that is known. Takes both. */
static const struct identity *add_identity(
	struct claims_plan *plan, char *label, struct identity identity)
{
	size_t n = plan->n_identities++;

	plan->identities = xreallocarray(plan->identities, n + 1, sizeof *plan->identities);
	plan->labels = xreallocarray(plan->labels, n + 1, sizeof *plan->labels);
	plan->labels[n] = label;
	plan->identities[n] = identity;
	return &plan->identities[n];
}

const struct identity *claims_identity(struct claims_plan *plan, const char *label, char **error)
{
	const struct settings *s = plan->settings;
	struct identity identity = {0};

	if (!label)
		label = plan->label;
	cleanup_free char *wanted =
		label ? xstrdup(label) : xasprintf("%s:%s", s->user.value, s->group.value);
	for (size_t i = 0; i < plan->n_identities; i++)
		if (strcmp(plan->labels[i], wanted) == 0)
			return &plan->identities[i];
	cleanup_free char *user = xstrdup(wanted);
	char *colon = strchr(user, ':');
	if (!colon) {
		error_set(error, "\"%s\" is not USER:GROUP", wanted);
		return NULL;
	}
	*colon = '\0';
	const char *place = label     ? "the domain's seclabel"
			    : s->file ? s->file
				      : "the default settings";
	if (!ids_identity(user, colon + 1, place, &identity, error)) {
		identity_free(&identity);
		return NULL;
	}
	return add_identity(plan, steal_pointer(&wanted), identity);
}

bool claims_look_up(struct claims_plan *plan, const struct claim_request *resource, char **error)
{
	return resource->action == ACTION_LEAVE || claims_identity(plan, resource->label, error);
}

void claims_know(struct claims_plan *plan, const char *label, const struct identity *known)
{
	add_identity(plan, xstrdup(label), identity_copy(known));
}
