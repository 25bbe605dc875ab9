/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One object that goes to the QEMU user, beside libvirt, which does the same with the same
 * attributes and under the same lock. Its way back is owner_back.h. Private to claims/.
 */
#pragma once

#include "claims/journal.h"
#include "claims/lockwait.h"

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Fills the owner, the mode and what is known of libvirt's attributes from the object of
 * fd (O_PATH); e->type, id and new_* are set. Nothing is changed. Returns false and a new
 * message where somebody holds it for another user. *note, a new message or NULL, is
 * something to be told.
 */
bool owner_plan(
	struct entry *e, int fd, const struct stat *st, bool remember, char **note, char **error);

/*
 * Gives it to the QEMU user, if it still is what was planned with. Where somebody has a lock or a
 * lease on it, it is put on the list of what is waited for, e->busy is true, and
 * there is no message.
 */
bool owner_take(struct entry *e, int fd, struct lockwait *waits, char **error);
