/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects from which a host can be taken over, and who may use them. Private to audit/. */
#pragma once

#include "audit/audit.h"

/*
 * The sensitive objects of the host: devices below /dev, password files, sockets of daemons
 * that do what root can. Read once; they live as long as the audit.
 */
const struct sensitive_object *audit_objects(struct audit *audit, size_t *n);

/* What an open device gives ("a disk", "host memory"); NULL: nothing of the kind. */
const char *audit_device_power(const char *path, const struct stat *st);

/*
 * Whether the descriptor gives nothing that its user has no right to, however it was opened: its
 * flags need not be known.
 */
bool audit_descriptor_is_harmless(
	const struct audit_process *process, const struct audit_descriptor *descriptor);

/*
 * What the group, and not everybody, may do with the object, by mode and ACL (acl(5)):
 * R_OK, W_OK.
 */
int audit_group_rights(const struct sensitive_object *object, gid_t gid);

/*
 * Whether the group gives that user access to any of them (reach.c), or that can't be determined.
 */
bool audit_group_reaches(struct audit *audit, uid_t uid, gid_t gid);

/* Whether virt-priv-chown has handed the object to that user, or let it read it. */
bool audit_is_claimed(struct audit *audit, const struct stat *st, uid_t uid);

/*
 * What a POSIX ACL, in the form of the attribute system.posix_acl_access, gives to a named
 * user or group (tag ACL_USER or ACL_GROUP), the mask applied: R_OK, W_OK, X_OK; -1: it
 * has no such entry, or is malformed. Pure.
 */
int audit_acl_rights(const void *acl, size_t length, unsigned tag, uint32_t id);
