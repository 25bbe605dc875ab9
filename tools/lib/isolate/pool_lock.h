/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock of an id, RUNTIME_DIR/.id-N, which is held while somebody looks whether the id is free,
 * and while a VM has it. What stands in the file tells the two apart once nobody holds the lock any
 * more: the name of the VM that was given the id, so that processes of the id may be what it has
 * left; or nothing, so that they are somebody else's. Private to isolate/.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Takes the lock. runtime is runtime_dir_open()'s; make: its file is made where there is none. A
 * descriptor that holds the lock of the file that has the name now; -1, and a new message or NULL
 * in *error: somebody else holds it, or there is no file.
 */
int pool_lock(int runtime, uid_t id, bool make, char **error);

/* Whether somebody has it, without taking it. */
bool pool_is_locked(uid_t id);

/* Notes that the VM is given the id. False and a new message on failure. */
bool pool_lock_give(int lock, uid_t id, const char *name, char **error);

/* Whether a VM was given the id since the file was made; also where that can't be told. */
bool pool_lock_is_given(int lock);

/* Takes the file away, if it is the one whose lock is held. Says what it can't: false. */
bool pool_lock_remove(int runtime, uid_t id, int lock);
