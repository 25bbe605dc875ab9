/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where root is to make, or find, an object for somebody: its directory, held by a
 * descriptor, and its name in there.
 */
#pragma once

#include "path/safepath.h"

struct place {
	char *path; /* absolute, as it was asked for; new */
	int dir;    /* O_PATH; owned */
	char *dir_path;
	struct stat dir_st;
	char *name;
	bool exists; /* then object is the walk to it */
	/* The walk to the object or, if there is none, to the directory. */
	struct safepath walk;
	bool is_roots; /* nobody else can change the way to the directory */
};

/* path as an absolute one; new. Ends the program if the current directory can't be told. */
char *place_absolute(const char *path);

/*
 * Walks to path. The last component may be missing; then nothing may be there, not even a
 * symbolic link to nothing. False and a new message on failure.
 */
bool place_find(const char *path, struct place *place, char **error);
/*
 * The same where a symbolic link of root's stands that leads below prefix, to be replaced,
 * whether or not there is anything at its end. False, without a message: there is none.
 */
bool place_find_link(const char *path, const char *prefix, struct place *place);
void place_close(struct place *place);
