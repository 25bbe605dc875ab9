/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a VM as a whole: its worst finding, and what helps. Private to audit/. */
#pragma once

#include "audit/audit.h"

/* From the best to the worst; -1 in metrics, with the others from 0. */
enum grade {
	GRADE_PASS,
	GRADE_INFO,
	GRADE_LOW,
	GRADE_MEDIUM,
	GRADE_HIGH,
	GRADE_CRITICAL,
	GRADE_UNKNOWN, /* nothing worse than low was found, and not all could be seen */
	N_GRADES,
};

struct process_verdict {
	enum grade grade;
	const struct finding *worst; /* NULL: none */
	size_t n_findings;	     /* that failed, of any severity */
	/* It stands for a running VM; a copy of one (is_other_vm()), or no user of KVM, does not.
	 */
	bool is_vm;
};

/* Of each process, in the order of audit->processes, and behind them of the host. New. */
struct process_verdict *audit_verdicts(const struct audit *audit);

/* "pass", "unknown", or the severity. */
const char *audit_grade_name(enum grade grade);

/* How many VMs have each grade. */
void audit_count_vms(
	const struct audit *audit, const struct process_verdict *verdicts, size_t n[N_GRADES]);

/* The process of that number; NULL: none was audited, or it is the host. */
const struct audit_process *audit_process_of(const struct audit *audit, pid_t pid);

/* What helps against a finding, for the process that has it. New. */
char *audit_remedy(const struct audit *audit, const struct finding *finding);
