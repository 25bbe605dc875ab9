/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of the catalogue: each judges one process, or the host, and says what it found
 * by the functions of audit.h. Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/* credentials.c: what a thread may do by itself. */
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

/* reach.c: what it reaches through groups and open descriptors. */
void check_groups(struct audit *audit, const struct audit_process *process);
void check_descriptors(struct audit *audit, const struct audit_process *process);

/* program.c: the program that runs. */
void check_gain(struct audit *audit, const struct audit_process *process);
void check_executable(struct audit *audit, const struct audit_process *process);
void check_traced(struct audit *audit, const struct audit_process *process);
void check_core_dumps(struct audit *audit, const struct audit_process *process);

/* confinement.c: what else holds it back. */
void check_seccomp(struct audit *audit, const struct audit_process *process);
void check_label(struct audit *audit, const struct audit_process *process);
void check_device_cgroup(struct audit *audit, const struct audit_process *process);

/* isolation.c: what separates it from other VMs, and from the host. */
void check_other_vms(struct audit *audit, const struct audit_process *process);
void check_root_directory(struct audit *audit, const struct audit_process *process);
void check_namespaces(struct audit *audit, const struct audit_process *process);
void check_layers(struct audit *audit, const struct audit_process *process);

/* host.c and, of KVM, kvm.c. */
void check_kvm_device(struct audit *audit);
void check_kvm_use(struct audit *audit);
void check_account(struct audit *audit);
void check_settings(struct audit *audit);
void check_sight(struct audit *audit);

/* isolate_ids.c */
void check_isolate_ids(struct audit *audit);

/* journals.c */
void check_claims(struct audit *audit);

/* declared_account.c */
void check_declared_account(struct audit *audit);
