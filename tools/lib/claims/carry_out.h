/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was planned is made so: the journal first, durably, then each change; all of it, or none. */
#pragma once

#include "claims/claims.h"

#include <stdbool.h>

/*
 * Writes the journal and makes the changes; undoes them, says why and returns false if one fails.
 * plan->busy: nothing was said, since somebody has a disk locked, and the whole plan can be made
 * again when lockwait_again() has waited for it.
 */
bool claims_carry_out(struct claims_plan *plan);
