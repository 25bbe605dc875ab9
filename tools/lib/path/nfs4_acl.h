/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * ACLs of NFS version 4 (RFC 8881, section 6.2), which POSIX ones are not translated to: an entry
 * of a named user or group is not seen in the mode.
 */
#pragma once

#include <stddef.h>

/* The attribute that the NFS client gives them as: XDR, as they come from the server. */
#define NFS4_ACL "system.nfs4_acl"

/*
 * The first entry that lets a named user or group change the object: write, append, remove what is
 * in it or itself, change its ACL or its owner. NULL: there is none but of OWNER@, GROUP@ and
 * EVERYONE@, whose rights the mode says. Else a new string, the name as it stands in the
 * entry, or why the ACL cannot be read. Pure.
 */
char *nfs4_acl_named_writer(const void *acl, size_t length);
