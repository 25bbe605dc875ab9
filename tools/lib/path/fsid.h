/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to path/.
 *
 * What identifies a file system, as text that the journal keeps.
 *
 *   uuid:HEX                   the superblock's UUID, by FS_IOC_GETFSUUID (Linux 6.9) or libblkid:
 *                              ext4, xfs, f2fs, bcachefs, overlay, ntfs3, exFAT, FAT, ntfs-3g
 *   btrfs:HEX:SUBVOLUME:ID     BTRFS_IOC_FS_INFO, and BTRFS_IOC_GET_SUBVOL_INFO's UUID and number;
 *                              device nodes, which can't be asked, without the last two
 *   zfs:HEX                    statfs(2)'s f_fsid, which is the data set's
 *   source:TYPE:SOURCE         what the mount names: network, virtiofs, 9p, FUSE
 *   volatile:uuid:HEX,         its files end with the boot, or before: tmpfs, ramfs, devtmpfs,
 *   volatile:dev:MAJOR:MINOR   hugetlbfs
 *   dev:MAJOR:MINOR            nothing but the device number, which counts only within a boot
 *
 * The types of all that are in virt-priv-chown(8), FILE SYSTEMS, and in tests/cli/filesystems.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define FSID_SIZE 192

/*
 * What identifies the file system that the object of fd (O_PATH will do) lies on, as intern()
 * has it. NULL and errno if it has an identity that can't be had now, so that nobody takes it for
 * one that has none.
 */
const char *fsid_of(int fd, const struct stat *st);

/* Whether text is one of the forms above. */
bool fsid_is_valid(const char *text);

/* "volatile:": what it identifies is gone after the boot. */
bool fsid_is_volatile(const char *id);
/* "dev:": after the boot, it says nothing. */
bool fsid_is_of_boot(const char *id);
/* "source:": who answers may be another host or process, and handles may not last. */
bool fsid_is_source(const char *id);

/*
 * Whether what was journalled (also by an earlier version, which knew "uuid:" and "dev:" alone)
 * is what fsid_of() says now of a file system whose objects have the device number dev.
 */
bool fsid_matches(const char *journalled, const char *now, dev_t dev);
/*
 * Whether now says less of a file system than was journalled, so that another name is no proof of
 * another file system.
 */
bool fsid_says_less(const char *journalled, const char *now);
/* Whether both are subvolumes of one file system. */
bool fsid_same_base(const char *a, const char *b);
/*
 * The hexadecimal digits of its UUID, and for a file system whose devices stand there, the
 * folder of /sys/fs; "" and NULL where it has none.
 */
const char *fsid_digits(const char *id, char digits[33]);
const char *fsid_folder(const char *id, int fd);
