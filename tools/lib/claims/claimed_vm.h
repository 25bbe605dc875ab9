/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM that a claim is added to, or a disk of it dropped: which one it is, and whom its disks
 * go to. It is read before the journals are locked for changes, as a name service may be asked
 * then, so whether it still is the same VM is asked again under that lock.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <sys/types.h>

struct claimed_vm {
	pid_t holder; /* the process that has its claim; 0: none */
	unsigned long long holder_start;
	uid_t id;      /* an isolated one's own, and its gid; 0: it has none */
	char *label;   /* whom its disks go to, for claims_identity(); NULL: qemu.conf's user */
	char *unclear; /* why that can't be told, and what helps; NULL: it can */
};

/*
 * Reads it from its journal, under the lock. Whom its disks go to is the id that virt-priv-run has
 * given it (runtime_ids.h), which an isolated VM has also where nothing of it is claimed; else whom
 * all of them have gone to. claimed_vm_free() releases what *vm holds.
 */
void claimed_vm_read(const struct journal *journal, struct claimed_vm *vm);
void claimed_vm_free(struct claimed_vm *vm);

/*
 * Whether the journal is of that VM, and not of one that was started by its name since then. False
 * and a new message.
 */
bool claimed_vm_is(const struct claimed_vm *vm, const struct journal *journal, char **error);

/* Whether what the journal has claimed belongs to uid and gid; false and a new message. */
bool claimed_vm_has(const struct journal *journal, uid_t uid, gid_t gid, char **error);
