/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lines of /etc/subuid and /etc/subgid that reserve the ids of isolated VMs, isolate_ids of
 * qemu.conf, under SUBID_OWNER (base/subid.h).
 *
 * A line of that name is the package's own if its range is isolate_ids, or the default of that; any
 * other one is an administrator's, and stays as it is. A file that does not exist is not made:
 * without it nobody hands out ids (useradd begins to where there is one, subuid(5)).
 *
 * Each file is edited under the lock of shadow-utils, as conffile.h says it: in one step, with
 * owner, mode, ACL and label. False, and in *error a new message: nothing was changed unless it
 * says that a file is changed. Only root may call them. What is changed is said as confchange.h has
 * it.
 */
#pragma once

#include "conf/confchange.h"

#include <stdbool.h>

/*
 * Writes the lines unless they are there; the default's becomes that of isolate_ids. Refused, with
 * whose line it is, where another name has some of the ids.
 */
bool reservation_make(const struct confcmd *command, char **error);

/* Takes the package's own lines away. */
bool reservation_remove(const struct confcmd *command, char **error);
