/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An audit from its beginning to its findings. */
#pragma once

#include "audit/audit.h"

struct audit_request {
	const char *root;   /* a tree of files to audit; NULL: this host */
	const char *config; /* settings file; NULL: the one in force */
	const pid_t *pids;  /* these alone are judged; none: all that are found */
	size_t n_pids;
	bool no_bpf;	  /* read /proc, whatever else there is */
	bool no_kvm_scan; /* don't look for users of KVM that are not QEMU */
	bool host, processes;
	const bool *skip; /* a flag for each row of audit_checks */
};

/*
 * Fills *audit. False and a new *error where there is nothing to audit: no such tree, a --pid
 * that is no process, settings that are malformed. audit_free() releases what it holds, then too.
 */
bool audit_run(struct audit *audit, const struct audit_request *request, char **error);
void audit_free(struct audit *audit);

/* Whether a finding counts as one: failed, and at least that severe. */
bool audit_counts(const struct finding *finding, enum severity threshold);

/* 0 nothing found, 1 something at or above the threshold, 2 the audit could not see. */
int audit_status(const struct audit *audit, enum severity threshold, bool strict);
