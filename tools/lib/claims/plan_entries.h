/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What planning puts in a plan: entries of the VM's journal, and refused items. Private to claims/.
 */
#pragma once

#include "claims/claims.h"

#include <sys/stat.h>

/*
 * Makes the item a refused one, and the plan with it. Takes a new message, and what helps
 * (base/help.h), or NULL.
 */
void plan_refuse(struct claims_plan *plan, struct claims_item *item, char *reason, char *help);

/*
 * An entry of that kind which some journal has for the object; uid: of a grant, to whom. Those of
 * the plan's own VM come first, and what ended with an earlier boot is passed over. NULL: none;
 * else *whose is the journal.
 */
const struct entry *plan_find_entry(struct claims_plan *plan, const struct fileid *id,
	enum entry_kind kind, uid_t uid, const struct journal **whose);

/*
 * Makes it the plan's failure that the object of the path is one too many to be open (errno): what
 * is left of it would fail the same way.
 */
void plan_run_out(struct claims_plan *plan, const char *path);

/*
 * A new entry of the plan's journal, for the object of fd (O_PATH), whose path, type and identity
 * are set. Takes the descriptor, so that what is changed is what was judged. Entries that were
 * looked at before may have moved. NULL where it is -1: plan_run_out().
 */
struct entry *plan_add_entry(struct claims_plan *plan, enum entry_kind kind, int fd,
	const char *path, const struct stat *st, const struct fileid *id);
