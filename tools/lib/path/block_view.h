/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel says of block devices, read once, so that all questions have the same answer. */
#pragma once

#include <stdbool.h>

struct block_view;

/*
 * sys: /sys, proc: /proc, or directories that look like them; ask: whether the loop devices are
 * asked, else what sysfs says of them counts. NULL and a new message if it can't be read.
 */
struct block_view *block_view_new(int sys, int proc, bool ask, char **error);
/*
 * Reads, once, what is mounted, which is for block_relation.h and block_used_by(): not for the file
 * that lies on nothing but its file system. False and a new message if it can't be read.
 */
bool block_view_read_mounts(struct block_view *view, char **error);
void block_view_free(struct block_view *view);
