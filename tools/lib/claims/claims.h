/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A claim: what a VM needs is planned as a whole, without a change (plan.h); the plan is written
 * to the VM's journal, then it is carried out, or undone if it can't be (carry_out.h); in the end
 * all is given back (release.h). journal_lock() comes first.
 *
 * Here is the plan itself, and who gets what is planned.
 */
#pragma once

#include "claims/claimable.h"
#include "claims/journal.h"
#include "claims/journal_others.h"
#include "claims/lockwait.h"
#include "claims/request.h"
#include "conf/settings.h"
#include "path/advice.h"
#include "path/safepath.h"

#include <stdbool.h>

/* One resource, and what is to be done about it. */
struct claims_item {
	char *path; /* NULL: it has none */
	enum resource_kind kind;
	bool writable;
	enum resource_action action;
	char *source, *reason;
	char *help; /* of a refusal, see base/help.h; NULL: no command would do */
	int fd;	    /* of a plan that keeps objects: the one that was judged, O_PATH; else -1 */
};

struct claims_plan {
	struct journal *journal; /* with the new entries, from first_new on */
	size_t first_new;
	bool is_new;	  /* it has no journal on disk yet */
	bool was_settled; /* the journal, before this call */
	struct claims_item *items;
	size_t n_items;
	bool refused;  /* an item is refused */
	char *failure; /* why planning can't go on at all, whatever is asked for; NULL: it can */
	size_t n_left; /* entries of this call that could not be undone */
	bool busy;     /* it could not be carried out now, and nothing was said: carry_out.h */
	struct journal_others others;
	int *fds;		     /* O_PATH, of the new entries */
	struct safepath_start start; /* of walks to resources */
	struct claimable
		claimable; /* what is looked up to judge objects; its forced: the caller's */
	/* What the caller sets. */
	const struct settings *settings;
	bool grant_read, dry_run;
	/* Objects are held, to be mounted for the VM: what others could swap is refused. */
	bool keeps_objects;
	bool quiet;		     /* what there is to note has been said */
	struct advice_notes advised; /* for what is refused */
	struct lockwait *waits;	     /* of claims_carry_out() */
	char *label;		     /* "USER:GROUP" of the domain, or NULL; not owned */
	struct identity *identities; /* looked up so far */
	char **labels;		     /* theirs */
	size_t n_identities;
};

/*
 * A name service can take its time, or never answer, and nobody who waits for the lock is to
 * wait for that too: before journal_lock(), who will get the resource is looked up, or told
 * where that is known already. The settings and the label of the plan are set. False and a new
 * message on failure.
 */
bool claims_look_up(struct claims_plan *plan, const struct claim_request *resource, char **error);
void claims_know(struct claims_plan *plan, const char *label, const struct identity *known);
/*
 * Who a label "USER:GROUP" means; NULL: that of the domain, else qemu.conf's. It is looked up at
 * most once, and belongs to the plan until the next one is. NULL and a new message on failure.
 */
const struct identity *claims_identity(struct claims_plan *plan, const char *label, char **error);

/*
 * Begins a plan for the VM: its journal, or a new one. Returns false and a new message if its
 * journal can't be read, or no list of all be had.
 */
bool claims_begin(struct claims_plan *plan, const char *name, char **error);
/* Releases what the plan holds. */
void claims_end(struct claims_plan *plan);
/*
 * The same; returns the journal as the plan would have made it, new, if the VM has none yet. NULL:
 * it has, or the plan can't be carried out.
 */
struct journal *claims_end_as_draft(struct claims_plan *plan);
/* As claims_end(), for another plan of the same that follows: who gets it is known already. */
void claims_restart(struct claims_plan *plan);
