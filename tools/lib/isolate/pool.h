/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ids of VMs: each isolated one has a uid, and the gid of the same number, that nothing else on the
 * host has.
 *
 * They come from a range, which /etc/subuid and /etc/subgid reserve under the name
 * SUBID_OWNER (base/subid.h). Which one a VM gets follows from its name, so that it mostly
 * gets the same one again; if that is taken, the next free one.
 *
 * Taken is an id that
 *   - a start holds: the lock of its file in RUNTIME_DIR, which virt-priv-run holds until all is
 *     given back, and QEMU's process until it executes QEMU;
 *   - a process has as any of its ids, or a journal names as an owner it has given something to, so
 *     that neither a runner that was killed nor files that were not given back free it;
 *   - an account or a group has; an error of the account database is an error here, and not "no
 *     such account";
 *   - a line of /etc/subuid or /etc/subgid has, other than the pool's own;
 *   - another VM keeps: its file in POOL_KEPT says whose it is.
 *
 * All of that is looked at while the id's lock is held.
 */
#pragma once

#include "base/idspec.h"

#include <stdbool.h>
#include <sys/types.h>

struct journal;

#define POOL_KEPT "/var/lib/virt-privileges/ids"
/* Which of the pool's ids are taken; pool_taken_free() releases it. */
struct pool_taken {
	const struct id_range *pool;
	bool *is_taken; /* by id - first */
};
void pool_taken_init(struct pool_taken *taken, const struct id_range *pool);
void pool_taken_free(struct pool_taken *taken);
void pool_take_range(struct pool_taken *taken, unsigned long long first, unsigned long long count);
/* How many ids of the range the pool has, too; *lowest is the first of them. */
unsigned pool_overlap(const struct id_range *pool, unsigned long long first,
	unsigned long long count, uint32_t *lowest);
/* Marks what the text of a subuid(5) file has, but for lines of the pool's own. */
void pool_take_subids(struct pool_taken *taken, const char *text);
/* Marks what a status file of /proc names as a process's ids. */
void pool_take_status(struct pool_taken *taken, const char *text);
/* Marks what the processes of this host have. False and a new message: that can't be told. */
bool pool_take_processes(struct pool_taken *taken, char **error);
/*
 * Marks what journals name as owners; not that of the VM own, unless it is NULL: what a VM that was
 * killed has claimed is given back by its next start, which may have the same id.
 */
void pool_take_journals(
	struct pool_taken *taken, struct journal *const *all, size_t n, const char *own);

/* The place in the pool where the search for a VM's id begins. */
unsigned pool_start(const struct id_range *pool, const char *name);

/*
 * Takes an id for the VM, whose name the caller holds (claims/runtime_dir.h): a claim under that
 * name is abandoned, or keeps the caller from its start. *lock is a descriptor that holds it, to be
 * closed once all is given back. dry_run: nothing is made or locked, and *lock is -1: the id is the
 * one that a start would get now. False and a new message: none is free, or that can't be told.
 */
bool pool_take(const struct id_range *pool, const char *name, bool dry_run, uid_t *id, int *lock,
	char **error);

/*
 * Keeps the id for the VM, also when it does not run: one that has a file, so that it is the same
 * at each start, and one that may leave files behind which are the id's. Until somebody removes the
 * file in POOL_KEPT. False and a new message on failure.
 */
bool pool_keep(uid_t id, const char *name, char **error);

/*
 * Ends every process that has the id: each by its number, as root, which they can't keep from it;
 * then all that are left, as a process of that id (kill(2), -1), which no fork gets away from.
 * False and a new message: one is left, or that can't be told.
 */
bool pool_end_processes(uid_t id, char **error);

/*
 * Whether somebody else than the pool has the id: an account, a group, or a line of /etc/subuid or
 * /etc/subgid. False and a new message: that can't be told.
 */
bool pool_has_owner(uid_t id, bool *has, char **error);

/* Takes the lock's file away, and closes *lock: the id is free. */
void pool_let_go(uid_t id, int *lock);

/* Closes *lock, and leaves its file to recover: processes of the id are left. */
void pool_leave(int *lock);
