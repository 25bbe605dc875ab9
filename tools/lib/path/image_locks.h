/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The locks by which QEMU keeps two processes from one image (file-posix.c): open file description
 * locks on bytes that stand for permissions. Byte 100+N: the process uses permission N; byte 200+N:
 * it lets nobody else use it.
 */
#pragma once

#include "path/safepath.h"

#include <stdbool.h>

/*
 * Why a QEMU that opens the image would get no lock on it: who has it, in a new message. NULL: it
 * would, or it cannot be told, or the file system has no such locks. writes: what the guest writes
 * goes to it; shared: share-rw=on, it lets others write.
 */
char *image_locks_why_not(const struct safepath *walk, bool writes, bool shared);
