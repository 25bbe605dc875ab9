/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that a process runs. Private to audit/. */
#pragma once

#include "audit/audit.h"

/*
 * Reads the file behind p->exe, which is what a link of the process says (NULL: it has none, or
 * p->exe_errno says why it is not told): exe_st and executable. process: its directory of /proc.
 * What many processes run is asked of its file system once.
 */
void audit_executable_read(struct audit *audit, int process, struct audit_process *p);

/* What there is of a process that could not be opened. */
void audit_executable_none(struct audit_process *p);

void audit_executables_free(struct audit *audit);
