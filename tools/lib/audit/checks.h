/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The catalogue. Adding a check is adding a row and a function. */
#pragma once

#include "audit/audit.h"

struct audit_check {
	const char *id, *title;
	enum severity severity;
	bool needs_threads; /* says "unknown" by itself where no thread could be read */
	bool is_of_qemu;    /* not-applicable to other users of KVM */
	const char *explanation, *remedy;
	void (*process)(struct audit *audit, const struct audit_process *process);
	void (*host)(struct audit *audit);
};

extern const struct audit_check audit_checks[];
extern const size_t n_audit_checks;

/* The check of that id, in any case; NULL: there is none. */
const struct audit_check *audit_check_find(const char *id);

/* Runs the check on the process, or on the host with process NULL, if it is one for it. */
void audit_check_run(
	struct audit *audit, const struct audit_check *check, const struct audit_process *process);

/* audit_credentials.c: what a thread may do by itself. */
void check_reading(struct audit *audit, const struct audit_process *process);
void check_uid_zero(struct audit *audit, const struct audit_process *process);
void check_expected_user(struct audit *audit, const struct audit_process *process);
void check_gid_zero(struct audit *audit, const struct audit_process *process);
void check_permitted(struct audit *audit, const struct audit_process *process);
void check_ambient(struct audit *audit, const struct audit_process *process);
void check_inheritable(struct audit *audit, const struct audit_process *process);
void check_bounding(struct audit *audit, const struct audit_process *process);
void check_no_new_privs(struct audit *audit, const struct audit_process *process);
void check_threads_equal(struct audit *audit, const struct audit_process *process);
void check_securebits(struct audit *audit, const struct audit_process *process);
void check_user_namespace(struct audit *audit, const struct audit_process *process);

/* audit_reach.c: what it reaches through groups and open descriptors. */
void check_groups(struct audit *audit, const struct audit_process *process);
void check_descriptors(struct audit *audit, const struct audit_process *process);

/* audit_program.c: the program that runs. */
void check_gain(struct audit *audit, const struct audit_process *process);
void check_executable(struct audit *audit, const struct audit_process *process);
void check_traced(struct audit *audit, const struct audit_process *process);
void check_core_dumps(struct audit *audit, const struct audit_process *process);

/* audit_confinement.c: what else holds it back. */
void check_seccomp(struct audit *audit, const struct audit_process *process);
void check_label(struct audit *audit, const struct audit_process *process);
void check_device_cgroup(struct audit *audit, const struct audit_process *process);

/* audit_host.c and, of KVM, audit_kvm.c. */
void check_kvm_device(struct audit *audit);
void check_kvm_use(struct audit *audit);
void check_account(struct audit *audit);
void check_settings(struct audit *audit);
void check_sight(struct audit *audit);
