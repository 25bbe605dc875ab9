/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What VMs are called on their command lines. Those lie in memory of the judged processes, in
 * pages that they can have from a server that never answers (fs/proc/base.c, get_mm_cmdline()), and
 * can say anything: they give a name to show, and decide nothing. Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/*
 * Names those of the QEMUs that nobody else has named (vm_name). A child reads, and only pages that
 * are the process's own and that the kernel has.
 */
void audit_command_lines_read(struct audit *audit);
