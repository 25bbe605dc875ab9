/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/claim.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/carry_out.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/journal_others.h"
#include "claims/journal_prepare.h"
#include "claims/lockwait.h"
#include "claims/plan.h"
#include "claims/probe.h"
#include "claims/release.h"
#include "path/open_files.h"
#include "vm/prepare.h"

#include <stdlib.h>
#include <unistd.h>

/* What is left of it shows when the claims are begun. False and a new message on failure. */
static bool release_abandoned(struct journal *journal, struct lockwait *waits, char **error)
{
	struct journal **all;
	bool all_read;
	size_t n;

	if (!journal_read_related(journal, &all, &n, &all_read, error))
		return false;
	info("VM '%s': its abandoned claim is released first", journal->name);
	claims_release(journal, NULL, RELEASE_RECOVERED, all, n, waits);
	journal_free_all(all, n);
	return true;
}

static bool recover_round(struct vm *vm, struct lockwait *waits, char **error)
{
	struct journal *journal;

	if (!claims_probe(vm->name, &journal, error))
		return false;
	if (!journal)
		return true;
	enum claims_hold hold = claims_hold(journal, error);
	bool good = hold != CLAIMS_UNKNOWN;
	if (hold == CLAIMS_ABANDONED && !vm->dry_run)
		good = release_abandoned(journal, waits, error);
	journal_free(journal);
	return good;
}

bool vm_recover_abandoned(struct vm *vm, char **error)
{
	struct lockwait waits = {0};
	bool recovered, good = true;

	do {
		*error = NULL;
		recovered = recover_round(vm, &waits, error);
	} while (recovered && lockwait_again(&waits, &good, error));
	lockwait_end(&waits);
	return recovered && !*error;
}

bool vm_begin_claims(struct vm *vm, char **error)
{
	struct claims_plan *plan = &vm->claims;

	*plan = (struct claims_plan){.settings = vm->settings,
		.grant_read = vm->grants_read,
		.dry_run = vm->dry_run,
		.label = vm->label};
	plan->claimable.forced = (const char *const *)vm->forced;
	plan->claimable.n_forced = vm->n_forced;
	claims_know(plan, vm->label, &vm->identity);
	if (!claims_begin(plan, vm->name, error))
		return false;
	if (plan->is_new)
		return true;
	*error = NULL;
	enum claims_hold hold = claims_hold(plan->journal, error);
	if (hold == CLAIMS_ABANDONED && vm->dry_run)
		return true;
	if (hold == CLAIMS_UNKNOWN)
		return false;
	claims_say_kept(plan->journal);
	if (hold == CLAIMS_ABANDONED) {
		*error = xasprintf(
			"VM '%s': its abandoned claim could not be released completely; list what "
			"is left: virt-priv-chown status; or use another name: --name",
			vm->name);
		return false;
	}
	cleanup_free char *advice = holder_advice(plan->journal, NULL);
	*error = xasprintf(
		"VM '%s' is running, or still has a claim; %s; or use another name: --name",
		vm->name, advice);
	return false;
}

void vm_end_claims(struct vm *vm)
{
	journal_free(vm->draft);
	vm->draft = claims_end_as_draft(&vm->claims);
	vm->claims = (struct claims_plan){0};
	journal_unlock();
}

/* What the claims are refused for, one after the other. */
static char *refusals(const struct claims_plan *plan)
{
	char *all = NULL;

	for (size_t i = 0; i < plan->n_items; i++) {
		const struct claims_item *item = &plan->items[i];
		cleanup_free char *before = all;
		if (item->action == ACTION_REFUSE)
			all = xasprintf("%s%s%s (%s): %s", before ? before : "", before ? "; " : "",
				item->path, item->source, item->reason);
		else
			all = steal_pointer(&before);
	}
	return all;
}

static bool plan_claims_again(struct vm *vm, struct lockwait *waits, char **error)
{
	if (!vm_begin_claims(vm, error))
		return false;
	vm->claims.quiet = true;
	vm->claims.waits = waits;
	for (size_t i = 0; i < vm->n_wanted && !vm->claims.failure; i++)
		claims_add(&vm->claims, &vm->wanted[i]);
	if (!vm->claims.failure && !vm->claims.refused)
		return true;
	*error = vm->claims.failure ? steal_pointer(&vm->claims.failure) : refusals(&vm->claims);
	return false;
}

/* Plans and makes the claims until nobody has one of the files locked. */
static bool make_claims(
	struct vm *vm, pid_t holder, unsigned long long start, struct lockwait *waits, char **error)
{
	bool good = true;

	for (;;) {
		if (!plan_claims_again(vm, waits, error))
			return false;
		vm->claims.journal->holder = holder;
		vm->claims.journal->holder_start = start;
		vm->claims.journal->holder_namespace = process_namespace();
		if (claims_carry_out(&vm->claims))
			return true;
		*error = NULL;
		if (!vm->claims.busy || !lockwait_again(waits, &good, error)) {
			cleanup_free char *why = *error;
			return error_set(error, "VM '%s': cannot claim its files%s%s", vm->name,
				why ? ": " : "", why ? why : "");
		}
		claims_end(&vm->claims);
	}
}

/*
 * Makes the journal durable that will be written if nothing changes meanwhile: others do not wait
 * for the disk that it is on.
 */
static void prepare(struct vm *vm, pid_t holder, unsigned long long start)
{
	cleanup_free char *ignored = NULL;
	long long booted = vm->draft ? boot_time(&ignored) : -1;

	if (booted >= 0) {
		vm->draft->holder = holder;
		vm->draft->holder_start = start;
		vm->draft->holder_namespace = process_namespace();
		vm->draft->boot_time = booted;
		vm->draft->settled = false;
		journal_prepare(vm->draft);
	}
}

bool vm_claim(struct vm *vm, char **error)
{
	pid_t self = getpid();

	unsigned long long start;
	if (!process_start(self, &start, error))
		return false;
	if (!start) {
		*error = xstrdup("cannot find this process in /proc; is it mounted?");
		return false;
	}
	struct lockwait waits = {0};
	prepare(vm, self, start);
	if (!journal_lock(true, error)) {
		journal_prepare_end();
		return false;
	}
	bool good = make_claims(vm, self, start, &waits, error);
	vm->claims.waits = NULL;
	lockwait_end(&waits);
	/* Before this process is the QEMU user's, who could stop it: others wait for the lock. */
	journal_unlock();
	journal_prepare_end();
	return good;
}

bool vm_new_holder(struct vm *vm, pid_t holder, char **error)
{
	struct journal *journal;
	bool good;

	*error = NULL;
	if (!journal_lock(true, error))
		return false;
	good = journal_read(vm->name, &journal, error);
	if (good && !journal)
		*error = xasprintf("VM '%s' no longer has a claim", vm->name);
	else if (good && journal->holder != vm->holder)
		*error = xasprintf("VM '%s': its claim is held by another process", vm->name);
	good = good && journal && journal->holder == vm->holder;
	unsigned long long start;
	/* 0, where it has ended already: then the claim has a holder that is gone. */
	good = good && process_start(holder, &start, error);
	if (good) {
		journal->holder = holder;
		journal->holder_start = start;
		journal->holder_namespace = process_namespace();
		good = journal_write(journal, error);
		vm->holder = holder;
	}
	journal_free(journal);
	journal_unlock();
	return good;
}

/* What can't be given back now waits for the admin. */
static void say_stays(const struct vm *vm, const char *why)
{
	warn("%s; what VM '%s' has claimed stays claimed; once that is mended: virt-priv-chown "
	     "release --name %s",
		why, vm->name, vm->name);
}

static bool release_own(struct vm *vm, struct journal *journal, struct lockwait *waits)
{
	cleanup_free char *error = NULL;
	struct journal **all;
	bool all_read;
	size_t n;

	vm->was_claimed = true;
	open_files_forget();
	if (!journal_read_related(journal, &all, &n, &all_read, &error)) {
		say_stays(vm, error);
		return false;
	}
	bool good = claims_release(journal, NULL, RELEASE_ENDED, all, n, waits) && all_read;
	journal_free_all(all, n);
	return good;
}

/* Gives back what is not locked by others. */
static bool release_round(struct vm *vm, struct lockwait *waits)
{
	cleanup_free char *error = NULL;
	struct journal *journal;
	bool good = claims_probe(vm->name, &journal, &error);

	if (!good)
		say_stays(vm, error);
	/* What was claimed by hand under the name since then is somebody else's. */
	if (journal && journal->holder == vm->holder)
		good = release_own(vm, journal, waits);
	journal_free(journal);
	return good;
}

/* False: not all; why was said. */
static bool release_rounds_of(struct vm *vm)
{
	cleanup_free char *error = NULL;
	struct lockwait waits = {0};
	bool good = true;

	if (!journal_lock(true, &error)) {
		say_stays(vm, error);
		return false;
	}
	vm->was_claimed = false;
	do
		good = release_round(vm, &waits) && good;
	while (lockwait_again(&waits, &good, &error));
	if (error)
		say_stays(vm, error);
	lockwait_end(&waits);
	journal_unlock();
	return claims_release_end() && good;
}

bool vm_give_back(struct vm *vm)
{
	bool good = release_rounds_of(vm);

	vm->claim_stays = !good;
	vm_undo(vm);
	return good;
}

bool vm_leave_claims(struct vm *vm)
{
	vm->was_claimed = vm->claim_stays = true;
	vm_undo(vm);
	return false;
}
