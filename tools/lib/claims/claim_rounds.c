/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/claim_rounds.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/carry_out.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/plan.h"
#include "claims/plan_report.h"
#include "claims/probe.h"

bool claim_rounds_look_up(struct claim_rounds *rounds, char **error)
{
	for (size_t i = 0; i < rounds->requests->n; i++)
		if (!claims_look_up(&rounds->plan, &rounds->requests->all[i], error))
			return false;
	claims_probe_requests(rounds->requests);
	return true;
}

bool claim_rounds_begin(struct claim_rounds *rounds, char **error)
{
	if (!claims_begin(&rounds->plan, rounds->name, error))
		return false;
	if (!rounds->plan.is_new)
		claims_say_kept(rounds->plan.journal);
	return true;
}

/* Whether the claim is the one that was read before the lock, of the VM that was looked at then. */
static bool is_same(struct claim_rounds *rounds, char **error)
{
	struct claims_plan *plan = &rounds->plan;

	if (!claimed_vm_is(rounds->vm, plan->journal, error))
		return false;
	const struct identity *identity = claims_identity(plan, NULL, error);
	return identity && claimed_vm_has(plan->journal, identity->uid, identity->gid, error);
}

/* A claim is made once, and added to as long as somebody holds it. */
static bool may_claim(struct claim_rounds *rounds, char **error)
{
	const struct claims_plan *plan = &rounds->plan;

	if (!rounds->adds && plan->is_new)
		return true;
	if (!rounds->adds) {
		cleanup_free char *advice = holder_advice(plan->journal, NULL);
		*error = xasprintf("VM '%s' already has a claim; %s; to claim another disk: "
				   "virt-priv-chown add",
			rounds->name, advice);
		return false;
	}
	if (plan->is_new) {
		*error = xasprintf(
			"VM '%s' has no claim; first: virt-priv-chown claim", rounds->name);
		return false;
	}
	*error = NULL;
	enum claims_hold hold = claims_hold(plan->journal, error);
	if (hold == CLAIMS_ABANDONED)
		*error = xasprintf("VM '%s': its claim is from an earlier boot, or its process has "
				   "ended; first: virt-priv-chown recover",
			rounds->name);
	return hold == CLAIMS_HELD && is_same(rounds, error);
}

bool claim_rounds_plan(struct claim_rounds *rounds, char **error)
{
	struct claims_plan *plan = &rounds->plan;

	if (!may_claim(rounds, error))
		return false;
	if (!rounds->adds) {
		plan->journal->holder = rounds->holder;
		plan->journal->holder_start = rounds->holder_start;
		plan->journal->holder_namespace = process_namespace();
	}
	for (size_t i = 0; i < rounds->requests->n && !plan->failure; i++)
		claims_add(plan, &rounds->requests->all[i]);
	if (plan->failure) {
		*error = steal_pointer(&plan->failure);
		return false;
	}
	plan_report_refusals(plan);
	return true;
}

static bool carry_out(struct claim_rounds *rounds, char **error)
{
	struct claims_plan *plan = &rounds->plan;
	bool good = true;

	*error = NULL;
	while (!plan->refused) {
		if (claims_carry_out(plan))
			return true;
		if (!plan->busy)
			return false;
		if (!lockwait_again(plan->waits, &good, error))
			break;
		claims_restart(plan);
		if (!claim_rounds_begin(rounds, error) || !claim_rounds_plan(rounds, error))
			return false;
	}
	cleanup_free char *why = *error;
	*error = NULL;
	if (why)
		return error_set(error, "%s; nothing was changed", why);
	log_error("nothing was changed");
	return false;
}

bool claim_rounds_carry_out(struct claim_rounds *rounds, char **error)
{
	struct lockwait waits = {0};

	rounds->plan.waits = &waits;
	bool good = carry_out(rounds, error);
	rounds->plan.waits = NULL;
	lockwait_end(&waits);
	return good;
}
