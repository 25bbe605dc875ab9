/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * What the kernel says of block devices, as block_view.c has read it: the loop devices, mounts and
 * swap areas of the host.
 */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct block_loop {
	dev_t dev;
	char *name;	/* "loop3" */
	char *file;	/* as sysfs names it */
	bool is_known;	/* the file is told by number; else by that name at most */
	dev_t file_dev; /* of a file, its file system; of a device, that of its node */
	ino_t file_ino;
	dev_t file_rdev;       /* 0: it is no device */
	uint64_t offset, size; /* size 0: up to its end */
};

struct block_swap {
	char *path;
	struct stat st;
};

struct block_view {
	int sys, proc;
	struct block_loop *loops;
	size_t n_loops;
	struct proc_mount *mounts;
	size_t n_mounts;
	bool has_mounts, lent_mounts; /* they were read; they are those of mounts.h */
	struct block_swap *swaps;
	size_t n_swaps;
};

/* The device number, "MAJOR:MINOR", that a file below a directory of sysfs says. */
bool block_read_dev(int dir, const char *path, dev_t *dev);
