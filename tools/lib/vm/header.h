/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Headers of images, and the files that they name: a guest's words. What is read there decides
 * nothing but what is checked, explained, and spelled out for QEMU. Private to vm/.
 */
#pragma once

#include "path/safepath.h"
#include "qemu/qcow2.h"

#include <stdbool.h>

/* Of images that are followed from one to its backing file. */
#define VM_HEADER_MAX_DEPTH 200

/* Whether it names a protocol, as path_has_protocol() of QEMU's block.c tells it. */
bool vm_header_has_protocol(const char *name);

/*
 * Whether a backing file of that name is looked for beside the image. All other relative names, of
 * data files and behind "file:", QEMU looks up from its working directory
 * (bdrv_get_full_backing_filename() of block.c, which is asked of backing files alone).
 */
bool vm_header_is_beside(const char *name);

/*
 * The path, new, that the header of image means by the name of a backing file, or, where image is
 * NULL, of a data file; a relative one is one of QEMU's working directory. NULL: it is none of this
 * host.
 */
char *vm_header_path(const char *image, const char *name);

/*
 * Reads the header of an image whose format was stated. False: it has none to be read, or,
 * with a new message in *error, it can't be read. *header is to be freed where it was read.
 */
bool vm_header_read(
	const char *format, const struct safepath *walk, struct qcow2 *header, char **error);

/*
 * Asks whether the file systems of what an image names, and its backing files in turn, answer:
 * before the lock of the journals is taken, since a guest can name what lies on a server that is
 * gone. What is named only after that is not probe_is_known().
 */
void vm_header_probe(const char *image, const char *format);
