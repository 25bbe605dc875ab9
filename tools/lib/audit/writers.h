/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can write to files and directories of the host that is audited (trust.h), by its accounts.
 * Private to audit/.
 */
#pragma once

#include "audit/audit.h"
#include "path/trust.h"

/*
 * What lets others write, beside the owner and the mode, which messages say already, with ": "
 * before it; else "". New.
 */
char *audit_writers_cause(
	struct audit *audit, const struct trust_facts *facts, const struct trust_report *report);

/*
 * The first directory on the way to path, which is absolute, that others than root can change, and
 * a new *cause, as above; both new. NULL: there is none; errno is then not 0 where that could not
 * be told.
 */
char *audit_weak_directory(struct audit *audit, const char *path, char **cause);
