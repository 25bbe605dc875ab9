/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way back of one object from the QEMU user to its owner: what is found out of it
 * (giveback.h says what counts), what is decided, and that done, beside libvirt and under
 * its lock. Private to claims/.
 */
#pragma once

#include "claims/journal.h"
#include "claims/lockwait.h"

#include <stdbool.h>

enum owner_end {
	OWNER_BACK,    /* as it was before */
	OWNER_LIBVIRT, /* libvirt holds it, knows the true owner, and gives it back itself */
	OWNER_CHANGED, /* somebody else changed the owner meanwhile: left alone */
	OWNER_BUSY,    /* somebody has its metadata lock: waited for (lockwait.h), no message */
	OWNER_KEPT,    /* could not be decided or done; *message says why */
};

/* What the objects of one journal are given back by. */
struct owner_back {
	struct journal *journal;
	bool same_boot; /* it is of this boot */
	bool settled;	/* it was claimed wholly */
	/* The journals of all VMs, in which the journal stands for its own copy: grants stay. */
	struct journal *const *all;
	size_t n_all;
	struct lockwait *waits; /* for what is locked */
};

/*
 * Gives back the object of fd (O_PATH), an entry of the journal. A lease does not keep it.
 * *message is a new one, or NULL: with OWNER_BACK, something that is worth a report.
 */
enum owner_end owner_give_back(
	const struct owner_back *back, struct entry *e, int fd, char **message);
