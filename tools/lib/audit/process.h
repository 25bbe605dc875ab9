/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is true of one process, read so that it was true at one moment. Private to audit/. */
#pragma once

#include "audit/audit.h"

/*
 * Reads the process, through a descriptor of its directory in /proc: that stays with this
 * one process when it ends and its number goes to another. Returns a new object that
 * audit_process_free() releases; NULL where the process has ended meanwhile, or is none of these
 * kinds (find.h). What can't be read is said in the object, and is for the checks to judge.
 */
struct audit_process *audit_process_read(struct audit *audit, pid_t pid, unsigned kinds);
void audit_process_free(struct audit_process *process);
