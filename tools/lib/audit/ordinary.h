/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes of ordinary users: session VMs (qemu:///session), and programs that a user calls
 * qemu-system-*. They can do what their user can do with any other program, and so no more than
 * their user may make of them: whatever is found of them is worth a line, and no alarm.
 * Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/*
 * Whether the process is one: all user ids of all threads are of one user who can log in (UID_MIN
 * of login.defs(5), a shell), by itself or by its lines of /etc/subuid; or of the owner of the
 * executable, who is not root. Not that of qemu.conf, nor the id of a VM, nor libvirt's. It has no
 * capability that counts on the host, and no group that the user is not a member of and that is 0
 * or gives access to a sensitive object. What can't be determined makes it none.
 */
bool audit_is_ordinary(struct audit *audit, const struct audit_process *process);

/* Whether an ordinary process's user has the id: its own, or one of its lines of /etc/subuid. */
bool audit_has_id(struct audit *audit, const struct audit_process *process, uid_t uid);
