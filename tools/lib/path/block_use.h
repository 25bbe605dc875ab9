/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the host uses itself: mounts, swap, and devices that others are made of. */
#pragma once

#include "path/block_relation.h"

/*
 * What the host does with these bytes, a new text such as "/dev/loop3p1 is mounted on /mnt",
 * "it is used as swap"; NULL: nothing that the kernel tells. False and a new message in *error
 * where that can't be told.
 */
bool block_used_by(
	const struct block_view *view, const struct block_ground *ground, char **use, char **error);

/*
 * Whether it is a file, and no loop device and no swap area of this host is it: the host uses it in
 * no way that could be told, and its ground need not be looked at for that.
 */
bool block_is_plain_file(const struct block_view *view, const struct stat *st);

/* Whether some file system on the device, or on what lies on it, is mounted here. */
bool block_is_mounted(const struct block_view *view, const struct block_ground *ground);
