/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * The block devices that a file system lies on: what tells it from a copy of it, which has the
 * same UUID. Read from sysfs alone; no device is opened but by disk_is_unique().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DISK_NAME_SIZE 192

struct disk {
	dev_t dev; /* 0: none is known */
	/* Another one each time that a number gets another disk (Linux 5.15); 0: not known. */
	unsigned long long sequence;
	/*
	 * What it is called in each boot (intern()), NULL: nothing is: "dm:UUID" of LVM or
	 * multipath, "md:UUID", "wwid:ID", "serial:ID", each with "-partN" for a partition, or
	 * "loop:OFFSET:FILE". What lies below dm-crypt counts for it, since LUKS's own UUID is
	 * copied with its disk.
	 */
	const char *name;
};

/*
 * The devices below a file system of that device number; of a btrfs or bcachefs, whose number is
 * made up, of that UUID (with dashes) in that folder of /sys/fs; else NULL. Returns how many,
 * named ones first, in a new array.
 */
size_t disks_below(dev_t dev, const char *folder, const char *uuid, struct disk **all);

enum disk_evidence {
	DISK_NONE, /* there is none to compare with */
	DISK_OTHER,
	DISK_UNKNOWN, /* one of both has no name that lasts */
	DISK_SAME,
};

/* Whether disk, as it was in this boot (same_boot) or another one, is one of all. */
enum disk_evidence disk_compare(
	const struct disk *disk, bool same_boot, const struct disk *all, size_t n);

/*
 * Whether no more than one block device of the host has the superblock of this UUID (its
 * hexadecimal digits), by libblkid; false also if that is not known in time (attempt.h).
 */
bool disk_is_unique(const char *digits);
