/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of a VM in RUNTIME_DIR, QEMU's HOME: the QEMU user's own, on a small file system
 * of its own, so that QEMU can fill nothing but that.
 *
 * What is in it can be hostile. Root never opens or follows anything there; no symbolic link in it
 * is followed by anybody (MS_NOSYMFOLLOW, since Linux 5.10), so that a name below it does not
 * lead back into root's files. It ends by being unmounted, whatever is in it. Where it could not be
 * mounted (a container), it is moved aside, and emptied by a process that has become the
 * QEMU user, within limits of time and number: nothing in it keeps a VM from starting. Private to
 * vm/.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Room for some screendumps; screens of 3840 x 2160 take 24 MiB each. */
#define VM_HOME_SIZE "64m"
#define VM_HOME_FILES "1024"

/*
 * Makes the directory of that name, in the place of one that an earlier run has left. runtime is
 * RUNTIME_DIR. False and a new message on failure; then there is none.
 */
bool vm_home_make(int runtime, const char *name, uid_t uid, gid_t gid, char **error);

/*
 * Empties a directory as its owner, with those limits; whether it is empty shows when it is
 * removed.
 */
void vm_home_empty(int dir);

/*
 * Takes it away. What could not be emptied stays beside it, which is warned of. False and a new
 * message: the name itself is still there. *error need not be cleared.
 */
bool vm_home_remove(int runtime, const char *name, char **error);
