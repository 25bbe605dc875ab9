/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root directory of an isolated QEMU: a file system in memory, in which there is what the
 * isolation names, and nothing else of the host.
 *
 *   /usr and the like   read-only, and what QEMU's executable lies in
 *   /etc                a passwd and group of its own, and what the C library reads
 *   /dev                null, zero, full, random, urandom, and the devices of the command line; for
 *                       pseudo-terminals the host's pts, and a ptmx that is made here, since one
 * that is bound does not find its pts /proc               the processes that QEMU could trace:
 * itself /tmp, /dev/shm      file systems of their own the rest            each under the name that
 * QEMU knows it by
 *
 * All mounts are nosuid, and nodev and noexec where nothing else is needed. The old root directory
 * is unmounted. Private to isolate/.
 */
#pragma once

#include "isolate/isolation.h"

/*
 * Takes it as root and current directory, with trees[i] as the mount of paths[i] (-1: none), which
 * are closed; and has the kernel confirm by /proc/self/mountinfo that there are these mounts, with
 * these attributes, and no other ones. False and a new message on failure. In the process's own
 * mount namespace; needs CAP_SYS_ADMIN.
 */
bool root_take(const struct isolation *isolation, int *trees, char **error);
