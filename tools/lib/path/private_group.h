/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * User private groups: where each user has a group of his own, umask 002 makes his directories
 * writable by it, and nobody else is meant.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether nobody but that user can be a member of the group: it bears his name, is his primary
 * group and nobody else's, has no other member, and no password that newgrp(1) would take.
 *
 * Only the local files are read (passwd(5), group(5), gshadow(5), the membership files of
 * nss-systemd(8)), as this is asked while locks are held. Where nsswitch.conf names a further
 * service for users or groups, or a file can't be read, the answer is no: it could have other
 * members. The last answer is kept.
 */
bool private_group(gid_t gid, uid_t uid);
