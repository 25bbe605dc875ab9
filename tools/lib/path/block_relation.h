/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which bytes an object shares with others of another name.
 *
 * A claim is about a disk's bytes, and the same bytes can have many names: a loop device and the
 * file behind it, a partition and its whole disk, a device of dm, md or bcache and its members,
 * two nodes of one device number, a SCSI disk and its generic node, a device and the files of the
 * file system on it. What is claimed is therefore compared by its ground: itself, and everything
 * that it lies on, down to where the kernel tells no more.
 *
 *   what               lies on                      source (Linux 6.18)
 *   partition          its whole disk, that range   DEV/partition, start, size:
 *                                                   block/partitions/core.c
 *   loop device        its backing file, or device  LOOP_GET_STATUS64: drivers/block/loop.c
 *   dm, md, bcache,    their members, somewhere     DEV/slaves/: bd_link_disk_holder() of
 *   drbd                                            block/holder.c
 *   zram               its backing device           DEV/backing_dev: drivers/block/zram/zram_drv.c
 *   file               the devices of its file      st_dev; btrfs: /sys/fs/btrfs/UUID/devices
 *                      system
 *   sg, bsg, USB       the disks of the same        where in /sys/devices they lie
 *                      device
 *
 * Two objects share bytes where their grounds meet in the same device or file and in overlapping
 * ranges, and at least one of them takes all of those bytes. Where both only lie somewhere on it
 * - two logical volumes of one group, two files of one file system - they are as separate as the
 * layer above keeps them; whether two tables of dm overlap is not looked at.
 *
 * What a loop device has behind it is asked of the device, since the path in sysfs is that of
 * another mount namespace, or of a file that was since renamed. The kernel asks the backing
 * file's file system then, which can be a user's FUSE: so a child asks, which can be given up.
 */
#pragma once

#include "path/block_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum block_share {
	BLOCK_WHOLE,	 /* all bytes of the range */
	BLOCK_SOMEWHERE, /* some of them, it is not known which */
	BLOCK_AS_FILE,	 /* those of a file of the file system on it */
};

struct block_part {
	mode_t type; /* S_IFBLK, S_IFCHR or S_IFREG */
	dev_t dev;   /* the device; of a file, that of its file system */
	ino_t ino;   /* of a file */
	uint64_t start, end;
	enum block_share share;
	char *name;
};

struct block_ground {
	struct block_part *parts; /* the object itself first */
	size_t n;
};

/*
 * The ground of the object with that status; fd, or -1, tells the mount that it was reached by.
 * Returns false and a new message where a part of it can't be told.
 */
bool block_ground_of(const struct block_view *view, int fd, const struct stat *st, const char *name,
	struct block_ground *ground, char **error);
void block_ground_free(struct block_ground *ground);

/* Whether they share bytes; *at and *other_at: the parts that meet, the topmost ones. */
bool block_shares(const struct block_ground *ground, const struct block_ground *other, size_t *at,
	size_t *other_at);
