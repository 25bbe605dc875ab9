/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of VMs that virt-priv-run isolates (isolate/pool.h). Private to audit/. */
#pragma once

#include "audit/audit.h"

/* What gives a domain of libvirt's ids of its own. */
#define ISOLATION_STATIC_LABEL                                                                     \
	"<seclabel type='static' model='dac' relabel='yes'><label>+UID:+GID</label></seclabel>"

/* Whether the id is one of isolate_ids in qemu.conf, which VMs get. */
bool audit_is_vm_id(const struct audit *audit, uint32_t id);

/* Whether the process has such an id, as a user id of any thread. */
bool audit_has_vm_id(const struct audit *audit, const struct audit_process *process);

/*
 * Whether the ids are of the VM alone, as they are to be: one number, as user and as group, and no
 * other group. Either it is one of isolate_ids, or libvirt has it from a static label of the domain
 * and no account has it.
 */
bool audit_has_own_ids(const struct audit *audit, const struct audit_process *process,
	const struct proc_status *status);

/*
 * Whether this host isolates VMs: one that runs has an id of isolate_ids, or one keeps such an id
 * for when it runs. Asked once.
 */
bool audit_host_isolates(struct audit *audit);
