/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file systems that were written to. What is not on their disks yet would have to be done
 * again after a power cut, so their entries are forgotten only behind a syncfs(2).
 * Private to claims/.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct touched_filesystem {
	dev_t dev;
	int fd;
	int number; /* why it could not be opened */
};

struct touched {
	struct touched_filesystem *all;
	size_t n;
	dev_t *of; /* of each entry of the journal; 0: none */
};

/* Of the journal with as many entries; touched_sync() ends it. */
struct touched touched_begin(const struct journal *journal);

/*
 * Notes the file system of the object of fd (O_PATH), of that status, which is to be changed for
 * that entry.
 */
void touched_add(struct touched *touched, size_t entry, int fd, const struct stat *st);

/*
 * Synchronizes them all; where that fails, says so, their entries are not done (journal NULL: there
 * are none any more), and the result is false. Releases what *touched holds.
 */
bool touched_sync(struct touched *touched, struct journal *journal);
