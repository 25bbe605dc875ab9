/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a claim is going to do, for people and as JSON. */
#pragma once

#include "claims/claims.h"

/*
 * Prints the plan to standard output: a line for each resource, or the JSON document of
 * tests/schema/virt-priv-chown-claim.json. The lock of the journals is held, which others wait
 * for: neither a terminal that is stopped nor a pipe that is full holds them up for more than
 * PLAN_REPORT_SECONDS. Returns false, and errno, if not all of it could be written.
 */
bool plan_report(const struct claims_plan *plan, bool json);

#define PLAN_REPORT_SECONDS 5

/* Warns of each resource that is refused. */
void plan_report_refusals(const struct claims_plan *plan);
