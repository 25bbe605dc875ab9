/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the file systems that paths lead to answer, asked before the lock of the journals is
 * taken: a VM whose disk is on a server that is gone must not hold up all others.
 *
 * What the kernel knows to be a local file system without a look at the disk is not asked. The
 * rest is, in a child that is given up (attempt.h). A path that gave no answer is one that
 * safepath_open() does not walk any more in this program's life. A server that answers here and
 * falls silent a moment later is not found out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asks for those of the paths that were not asked for before; relative ones are left out. */
void probe(const char *const *paths, size_t n);

/* Whether the path was asked for and gave no answer, or lies on a mount that gave none. */
bool probe_is_silent(const char *path);

/* Whether there is nothing to ask about the path: it was asked for, or can't wait. */
bool probe_is_known(const char *path);

/*
 * Where that goes on from: the disks of a VM mostly lie next to each other. Zeroed at the
 * beginning; whoever holds it calls probe_forget() at the end.
 */
struct probe_start {
	char *path;	/* of the directory, up to and with the last "/" */
	bool is_tried;	/* it was to be opened, for a second path in it */
	int fd;		/* then: -1, where it is no local file system's */
	uint64_t mount; /* the number that it keeps while this is open */
};
bool probe_is_known_from(struct probe_start *start, const char *path);
void probe_forget(struct probe_start *start);
