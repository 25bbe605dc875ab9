/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps of virt-priv-chown: what a VM needs is planned as a whole, without a change;
 * the plan is written to the journal; then it is carried out, or undone if it can't be.
 * journal_lock() comes first.
 */
#pragma once

#include "claims/claimable.h"
#include "claims/journal.h"
#include "claims/request.h"
#include "conf/settings.h"
#include "path/access.h"
#include "path/safepath.h"

#include <stdbool.h>

/* One resource, and what is to be done about it. */
struct claims_item {
	char *path; /* NULL: it has none */
	enum resource_kind kind;
	bool writable;
	enum resource_action action;
	char *source, *reason;
};

struct claims_plan {
	struct journal *journal; /* with the new entries, from first_new on */
	size_t first_new;
	bool is_new;	  /* it has no journal on disk yet */
	bool was_settled; /* the journal, before this call */
	struct claims_item *items;
	size_t n_items;
	bool refused;  /* an item is refused */
	size_t n_left; /* entries of this call that could not be undone */
	/* It could not be carried out now: to be waited for by lockwait_again(), nothing was said.
	 */
	bool busy;
	struct journal **others;
	size_t n_others;
	bool has_grants;	     /* some journal has an ACL entry */
	bool has_devices;	     /* or a device; files alone can't share bytes */
	bool all_read;		     /* else not known what other VMs hold */
	int *fds;		     /* O_PATH, of the new entries */
	struct safepath_start start; /* of walks to resources */
	struct claimable
		claimable; /* what is looked up to judge objects; its forced: the caller's */
	/* What the caller sets. */
	const struct settings *settings;
	bool grant_read, dry_run;
	bool quiet;		     /* what there is to note has been said */
	char *label;		     /* "USER:GROUP" of the domain, or NULL; not owned */
	struct identity *identities; /* looked up so far */
	char **labels;		     /* theirs */
	size_t n_identities;
};

/*
 * A name service can take its time, or never answer, and nobody who waits for the lock is to
 * wait for that too: before journal_lock(), who will get the resource is looked up, or told
 * where that is known already. The settings and the label of the plan are set.
 */
void claims_look_up(struct claims_plan *plan, const struct claim_request *resource);
void claims_know(struct claims_plan *plan, const char *label, const struct identity *known);

/*
 * Begins a plan for the VM: its journal, or a new one. Reads all journals. Returns false
 * and a new message if its journal can't be read.
 */
bool claims_begin(struct claims_plan *plan, const char *name, char **error);
/* Adds one resource of a domain, or of a --disk, to the plan. */
void claims_add(struct claims_plan *plan, const struct claim_request *resource);
/*
 * For an object that is to be passed for writing, and changes no owner: why it must not be, a new
 * message; NULL: it may, and from then on counts as one that the VM has. asked: its path as given.
 */
char *claims_why_not_passed(
	struct claims_plan *plan, const struct safepath *walk, const char *asked);
/* Writes the journal and makes the changes; undoes them, says why and returns false if one fails.
 */
bool claims_carry_out(struct claims_plan *plan);
void claims_end(struct claims_plan *plan);
/* As claims_end(), for another plan of the same that follows: who gets it is known already. */
void claims_restart(struct claims_plan *plan);

/*
 * Gives back what the journal holds: all of it, or (path not NULL) what has that path, as far as
 * it has its turn (lockwait_due()). What somebody has locked stays without a word, for
 * lockwait_again().
 * recovering: what a process has open stays. Says what could not be done and returns
 * false then. Writes the journal without what was given back, or removes it when all of
 * the VM was released.
 */
bool claims_release(struct journal *journal, const char *path, bool recovering,
	struct journal *const *all, size_t n_all);

enum claims_hold {
	CLAIMS_HELD,
	CLAIMS_ABANDONED, /* recover is to release it: of an earlier boot, or its holder is dead */
	CLAIMS_UNKNOWN,	  /* its holder can't be examined; it may run still */
};

/* Who has the claim; where that is unknown, why: in *error, which is NULL before, a new message. */
enum claims_hold claims_hold(const struct journal *journal, char **error);
