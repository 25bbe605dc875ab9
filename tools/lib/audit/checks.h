/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogue of checks. To add a check, add a row and a function (check_functions.h). */
#pragma once

#include "audit/audit.h"

extern const struct audit_check audit_checks[];
extern const size_t n_audit_checks;

/* The check of that id, in any case; NULL: there is none. */
const struct audit_check *audit_check_find(const char *id);

/* Runs the check on the process, or on the host with process NULL, if it is one for it. */
void audit_check_run(
	struct audit *audit, const struct audit_check *check, const struct audit_process *process);
