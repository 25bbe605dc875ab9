/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One object that goes to the QEMU user and comes back, beside libvirt, which does the
 * same with the same attributes and under the same lock.
 */
#pragma once

#include "claims/journal.h"

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
 * lease on it, it is put on the list of what is waited for (lockwait.h), e->busy is true, and
 * there is no message.
 */
bool owner_take(struct entry *e, int fd, char **error);

enum owner_end {
	OWNER_BACK,    /* as it was before */
	OWNER_LIBVIRT, /* libvirt holds it, knows the true owner, and gives it back itself */
	OWNER_CHANGED, /* somebody else changed the owner meanwhile: left alone */
	OWNER_BUSY,    /* somebody has its metadata lock: waited for (lockwait.h), no message */
	OWNER_KEPT,    /* could not be decided or done; *message says why */
};

/*
 * Gives it back, an entry of the journal. same_boot: the journal is of this boot; settled: it was
 * claimed wholly. e->acl_wanted, where it is not NULL, is the access ACL that it is to have.
 * A lease does not keep it. *message is a new one, or NULL: with OWNER_BACK, something that is
 * worth a report.
 */
enum owner_end owner_give_back(struct journal *journal, struct entry *e, int fd, bool same_boot,
	bool settled, char **message);

/*
 * For recover --libvirt: gives the object of fd to the owner that libvirt's attributes of
 * an earlier boot, or of a libvirt that is gone, name, and removes them; with dry_run
 * nothing is changed. false: *message
 * says why not, or *busy, that somebody has a lock or a lease on it; else what was done.
 */
bool owner_recover_libvirt(int fd, const struct stat *st, bool dry_run, bool *busy, char **message);
