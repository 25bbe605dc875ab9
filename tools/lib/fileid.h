/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which file it is, whatever becomes of its name: kept in the journal, and found
 * again by, after a rename, a reboot, or a mount elsewhere.
 *
 * A device number is another one after a reboot, and an inode number is used again
 * as soon as it is free; the handle of name_to_handle_at(2) holds a generation
 * number too. Where a file system has no handles, inode number, time of birth and
 * path have to do.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#define FILEID_HANDLE_MAX 128 /* MAX_HANDLE_SZ */

struct fileid {
	/*
	 * "uuid:HEX", or "dev:MAJOR:MINOR" for a file system without a UUID, which
	 * counts only within a boot.
	 */
	char filesystem[64];
	int handle_type;
	unsigned handle_size; /* 0: no handle */
	unsigned char handle[FILEID_HANDLE_MAX];
	uint64_t inode;
	int64_t born; /* seconds; -1: the file system does not say */
	uint32_t born_nsec;
};

/*
 * Fills *id for the object of the descriptor (O_PATH will do). Returns false, with a
 * new message in *error, if it can't be told.
 */
bool fileid_of(int fd, const struct stat *st, struct fileid *id, char **error);

bool fileid_equal(const struct fileid *a, const struct fileid *b);
/* An order for sorting and searching; 0 if equal. */
int fileid_compare(const struct fileid *a, const struct fileid *b);

enum fileid_found {
	FILEID_FOUND,
	FILEID_GONE,	  /* its file system is there, and it is not */
	FILEID_UNMOUNTED, /* its file system is not there */
	FILEID_AMBIGUOUS, /* more than one file system is it by its UUID, copies of each other */
	FILEID_FAILED,	  /* *error says what went wrong */
};

/*
 * Finds the object again; path is the name that it had. On FILEID_FOUND *fd is new,
 * opened O_PATH, and known to be the very object. *error is a new message with
 * FILEID_FAILED alone.
 */
enum fileid_found fileid_open(const struct fileid *id, const char *path, int *fd, char **error);
