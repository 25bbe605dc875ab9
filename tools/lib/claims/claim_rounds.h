/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A claim, or an addition to one, from the plan to its end.
 *
 * The plan is made, told and carried out in one go, with the journals locked: what was told is what
 * is done. What others have locked is waited for without that lock (lockwait.h), and all is judged
 * anew behind it.
 */
#pragma once

#include "claims/claimed_vm.h"
#include "claims/claims.h"

struct claim_rounds {
	const char *name;	     /* of the VM */
	bool adds;		     /* to the claim that it has; else it must have none */
	const struct claimed_vm *vm; /* whose claim is added to, as it was read before the lock */
	pid_t holder;		     /* the process whose end ends a new claim; 0: none */
	unsigned long long holder_start;
	const struct claim_requests *requests;
	/* The caller sets what claims.h says, and ends it. */
	struct claims_plan plan;
};

/*
 * Before journal_lock(), since others wait for it: who will get what is asked for is looked up, and
 * whether it answers (path/probe.h). False and a new message on failure.
 */
bool claim_rounds_look_up(struct claim_rounds *rounds, char **error);

/* Reads the journals. False and a new message in *error if that of the VM can't be read. */
bool claim_rounds_begin(struct claim_rounds *rounds, char **error);

/*
 * Plans what is asked for, as things are now, and warns of what is refused. False and a new message
 * in *error if the VM can't have the claim, or not be added to.
 */
bool claim_rounds_plan(struct claim_rounds *rounds, char **error);

/*
 * Does what is planned, unless something of it is refused. False where nothing, or not all, was
 * done: all has been said, except for *error, a new message or NULL.
 */
bool claim_rounds_carry_out(struct claim_rounds *rounds, char **error);
