/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an account can do that QEMU's should not be able to: log in, as a person does, and what its
 * groups give.
 */
#pragma once

#include "base/ids.h"

/* Whether a login shell lets nobody in; "" is /bin/sh, see passwd(5). */
bool account_cannot_log_in(const char *shell);

/*
 * Whether the members of a group can become root: group root, and those that by the custom of
 * distributions have the disks, the memory, containers, virtual machines or sudo(8).
 */
bool account_group_is_root(const char *group, gid_t gid);

/*
 * What QEMU would get with the identity beside its own rights, a new text that follows "user NAME":
 * that it can log in, too, if it is in such groups. NULL: nothing, or it is root anyway. Only
 * /etc/group is asked what the groups are called; a gid without a name there is none of those.
 */
char *account_power(const struct identity *identity);
