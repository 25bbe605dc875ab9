/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU would look for in vain in a root directory of the VM's own. Private to vm/.
 */
#pragma once

#include "vm/state.h"

#include <sys/stat.h>

/*
 * Whether the host has the path (absolute), and in *st what it is, behind symbolic links. False and
 * a new message: that cannot be told, or its file system does not answer, which is waited for with
 * a limit.
 */
bool vm_examine(const char *path, struct stat *st, bool *is_there, char **error);

/*
 * When the isolation's paths are known: makes an obstacle of everything that QEMU uses of the host
 * (qemu/uses.h), that is there, and that it does not see; the reason names the option that shows
 * it. False and a new message if a path cannot be examined.
 */
bool vm_check_unseen(struct vm *vm, char **error);
