/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file it is, whatever becomes of its name: kept in the journal, and found
 * again by, after a rename, a reboot, or a mount elsewhere.
 *
 * A device number is another one after a reboot, and an inode number is used again
 * as soon as it is free; the handle of name_to_handle_at(2) holds a generation
 * number too. Where a file system has no handles, inode number, time of birth and
 * path have to do.
 *
 * All of that is copied with a file system, by a snapshot of the volume below or block by
 * block: within a boot, the device tells the copy from the original, and after it the name of
 * the disk (disk.h), if it has one, or that no other disk has the same superblock.
 */
#pragma once

#include "path/disk.h"
#include "path/fsid.h"
#include "path/object.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILEID_HANDLE_MAX 128 /* MAX_HANDLE_SZ */

struct fileid {
	const char *filesystem; /* intern() */
	int handle_type;
	unsigned handle_size; /* 0: no handle, or none that lasts (FUSE) */
	unsigned char handle[FILEID_HANDLE_MAX];
	uint64_t inode;
	int64_t born; /* seconds; -1: the file system does not say */
	uint32_t born_nsec;
	/*
	 * What it lies on; or, where that is no block device, the file system's device number.
	 * Does not count for fileid_equal(), so that a file is not held twice over a copy.
	 */
	struct disk disk;
	dev_t dev; /* of the object, as stat(2) says; not kept in the journal */
};

/*
 * Fills *id for the object of the descriptor (O_PATH will do). Returns false, with a
 * new message in *error, if it can't be told.
 */
bool fileid_of(int fd, struct fileid *id, char **error);
/* The same of what has been asked. */
bool fileid_of_object(int fd, const struct object *object, struct fileid *id, char **error);

/* Whether both are one object, or one is a copy of the other, for all that their identities say. */
bool fileid_equal(const struct fileid *a, const struct fileid *b);

enum fileid_found {
	FILEID_FOUND,
	FILEID_COPY,	  /* it or a copy of it; the device does not say which */
	FILEID_SNAPSHOT,  /* another subvolume's file of its name, inode number and birth */
	FILEID_GONE,	  /* its file system is there, and it is not */
	FILEID_ENDED,	  /* its file system's files ended with the boot */
	FILEID_UNMOUNTED, /* its file system is not there */
	FILEID_UNTOLD,	  /* its file system has nothing to be told by after a boot */
	FILEID_AMBIGUOUS, /* more than one file system is it, copies of each other */
	FILEID_LATE,	  /* a file system on the way to it does not answer */
	FILEID_FAILED,	  /* an error */
};

/*
 * Whether it ended with an earlier boot, as what is written of it says: nothing is asked. As
 * fileid_open(), which says FILEID_ENDED then.
 */
bool fileid_has_ended(const struct fileid *id, const char *path, bool same_boot);

/*
 * Finds the object again; path is the name that it had, and same_boot whether *id is of this
 * boot. On FILEID_FOUND and FILEID_COPY *fd is new and opened O_PATH. With all but FILEID_FOUND,
 * *why is a new sentence that says it.
 */
enum fileid_found fileid_open(
	const struct fileid *id, const char *path, bool same_boot, int *fd, char **why);

/*
 * FILEID_SNAPSHOT and *fd, if the file that has the path now is of another subvolume, and has the
 * inode number and the time of birth of the object: a snapshot has the owners of its time.
 * Else FILEID_GONE.
 */
enum fileid_found fileid_open_snapshot(const struct fileid *id, const char *path, int *fd);
