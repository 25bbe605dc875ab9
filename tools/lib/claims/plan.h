/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is to be done about each object that a VM needs: judged, and put in the plan, without a
 * change but for one: a file of an overlay's lower layer is copied up, to have the identity that it
 * will be found by.
 */
#pragma once

#include "claims/claims.h"
#include "claims/request.h"
#include "path/safepath.h"

/*
 * Adds one resource of a domain, or of a --disk, to the plan: an item, and entries of its journal.
 * What can't be done makes it a refused one, with the reason. plan->failure: it is that of all that
 * would follow, too.
 */
void claims_add(struct claims_plan *plan, const struct claim_request *resource);

/*
 * For an object that is to be passed for writing, and changes no owner: why it must not be, a new
 * message; NULL: it may, and from then on counts as one that the VM has. asked: its path as given.
 * help: see base/help.h.
 */
char *claims_why_not_passed(
	struct claims_plan *plan, const struct safepath *walk, const char *asked, char **help);
