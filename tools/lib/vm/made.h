/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a step makes at its place, and takes away again if it still is that. Private to vm/.
 */
#pragma once

#include "vm/step.h"

/*
 * Whether an earlier start of this command line can have been this user: the account of QEMU, or,
 * of isolated VMs, any of their ids.
 */
bool vm_is_own_user(const struct vm *vm, uid_t uid);

/*
 * Takes away a socket or link at step->place that is root's or a socket of such a user's, as an
 * earlier run leaves it. False and a new message: something else is there.
 */
bool vm_clear_place(const struct vm *vm, const struct vm_step *step, char **error);

/*
 * A regular file that was made for QEMU to write stays when QEMU has ended, and then belongs to
 * root. Where others can move it, as in /tmp, its name says nothing: any file of root's could have
 * been moved there. So where it was made is noted at the file, in an attribute that root alone can
 * write (trusted.*, xattr(7)), as far as the file system has such.
 */
void vm_note_where_made(const struct vm_step *step, int fd);
/*
 * Whether the file that is there is root's, has no other name, and was made right there. Not if its
 * file system is one of others', or removable, which can say what it likes.
 */
bool vm_was_made_there(const struct place *place);

/*
 * Whether root can make an entry in the directory of the place: not in one that is immutable, or of
 * a file system that is mounted read-only. False: the resource is refused.
 */
bool vm_can_make(
	struct vm *vm, const struct qemuargs_resource *resource, const struct place *place);

/* Takes away what was made at step->place, if it still is that; says what it can't. */
void vm_remove_made(const struct vm_step *step);
