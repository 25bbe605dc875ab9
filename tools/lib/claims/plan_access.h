/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the QEMU user can reach what stays its owner's, and the ACL entries that let it: one more
 * for each denial of read or search, and those that other VMs' grants share. Private to claims/.
 */
#pragma once

#include "claims/claims.h"
#include "path/safepath.h"

/*
 * Access to the parent directories of what was walked to, and as wanted (R_OK, W_OK or 0) to the
 * object itself: grants what is asked for and possible, and refuses the item where access is
 * denied all the same. instead: of the request.
 */
void plan_access(struct claims_plan *plan, struct claims_item *item, const struct safepath *walk,
	int wanted, const struct identity *identity, const char *instead);
