/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether an account can reach a file: asked of the kernel as that account, so that
 * groups, ACLs and security modules count, and explained component by component.
 */
#pragma once

#include "path/safepath.h"

#include <sys/types.h>

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
	char *user, *group; /* names, or numbers where there is none */
};

/* From "USER" and "GROUP" as in qemu.conf; origin stands in messages. Ends the program on error. */
void identity_look_up(
	struct identity *identity, const char *user, const char *group, const char *origin);
void identity_free(struct identity *identity);

struct denial {
	int fd; /* O_PATH, of the component; owned */
	char *path;
	struct stat st;
	int missing; /* R_OK, W_OK or X_OK: what the account may not do there */
};

/*
 * What keeps the account from the object of the walk: directories that it may not
 * search, and the object itself where it may not be accessed as wanted (R_OK, W_OK, X_OK; 0:
 * only the way counts). Returns how many, and in *out a new array. Where the kernel gives
 * no answer, *error is a new message, else NULL.
 */
size_t access_denials(const struct safepath *walk, int wanted, const struct identity *identity,
	struct denial **out, char **error);
void access_free(struct denial *denials, size_t n);

/* "/home/alice is 0700 alice:alice: qemu may not search it; setfacl -m u:qemu:x /home/alice" */
char *access_explain(const struct denial *denial, const struct identity *identity);
/* The same without a command: of what a guest may have named, which it should not be given. */
char *access_cause(const struct denial *denial, const struct identity *identity);
