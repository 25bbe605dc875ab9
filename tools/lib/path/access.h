/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether an account can reach a file: asked of the kernel as that account, so that
 * groups, ACLs and security modules count, and explained component by component.
 */
#pragma once

#include "base/ids.h"
#include "path/safepath.h"

#include <sys/types.h>

struct denial {
	int fd; /* O_PATH, of the component; owned */
	char *path;
	struct stat st;
	int missing;	   /* R_OK, W_OK or X_OK: what the account may not do there */
	int has;	   /* and what it may */
	bool is_read_only; /* its file system is mounted so, whoever writes */
	bool is_immutable; /* chattr(1): nobody may write it, nor change its mode */
	bool has_no_modes; /* its file system has none but by mount options */
};

struct denials {
	struct denial *all;
	size_t n;
};

/*
 * What keeps the account from the object of the walk: directories that it may not search, and the
 * object itself where it may not be accessed as wanted (R_OK, W_OK, X_OK; 0: the parent
 * directories alone). access_free() releases what *denials holds. Returns false, with a new message
 * in *error, where the kernel gives no answer.
 *
 * A directory that the account may search is not asked for again in later walks that hold it.
 */
bool access_denials(const struct safepath *walk, int wanted, const struct identity *identity,
	struct denials *denials, char **error);
void access_free(struct denials *denials);

/*
 * "/home/alice is 0700 alice:alice: qemu may not search it", new. advice.h has what helps; where a
 * guest may have named the object, it should not be given.
 */
char *access_cause(const struct denial *denial, const struct identity *identity);
