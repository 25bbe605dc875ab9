/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the kernel writes core dumps of a process, and whether guest memory would be in them.
 * Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/*
 * Reads what guest memory the process has, and how much of it a core dump has: into p->memory,
 * and p->memory_errno where it can't be told. Only where the limits and core_pattern let one be
 * written, since the kernel walks all page tables for it. directory: of the process in /proc, or
 * of a thread of it that has not ended; p->limits is known.
 */
void audit_core_read(struct audit *audit, int directory, struct audit_process *p);
