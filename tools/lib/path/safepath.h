/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens a path for root that somebody else may have written, or may rewrite at
 * the same moment.
 *
 * The path is walked one component at a time, each opened below the descriptor of
 * the one before (openat2(2)), and each step is judged on what was opened: a step
 * from a directory or symbolic link that an unprivileged account controls to an
 * object that somebody else owns is unsafe. So a user can lead root to a file of
 * his own, wherever that lies, and never to one of somebody else's.
 *
 * A directory is controlled by its owner and by everybody whom its mode or its ACL lets
 * write (trust.h): who can move a file into it need not be the file's owner. Root, group 0
 * and the owner of what is stepped to do not count. A sticky directory of root's is as
 * good as one that only root can write where the next object is a directory of root's:
 * nobody else can have moved that there. What a symbolic link leads to in the end must be
 * its owner's.
 *
 * On a FUSE mount of a user's, who serves it says whose an object is, what is in it, and
 * another thing each time: all of it counts as that user's, here and in the st of the walk, and
 * what is said to be somebody else's is unsafe.
 */
#pragma once

#include "path/trust.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* Held by each walk that went through it. */
struct safepath_dir {
	unsigned n_holders;
	int fd;	    /* O_PATH */
	char *path; /* how it was reached, without symbolic links */
	struct stat st;
	uid_t server;		    /* who serves it, by a FUSE mount of his; 0: nobody but root */
	struct trust_facts writers; /* who can write to it, for trust_judge() */
	struct {
		bool is_known;
		uid_t uid;
		gid_t gid;
	} searchable_by; /* whom the kernel has let search it: access.c */
};

/* An unprivileged owner's symbolic link. */
struct safepath_link {
	uid_t owner;
	char *path;
};

struct safepath {
	int fd;	    /* the object, O_PATH; -1: it could not be reached. The caller closes it. */
	char *path; /* how it was reached in the end, without symbolic links. New. */
	struct stat st;
	/*
	 * Every directory that was searched on the way, "/" first, those on the way to
	 * symbolic links included.
	 */
	struct safepath_dir **dirs;
	size_t n_dirs;
	/* Whose symbolic link led here; 0: nobody's but root's. */
	uid_t link_owner;
	/* Why the object must not be touched, a new message; NULL: it may be. */
	char *unsafe;
	/* For safepath_judge(): what was unsafe before the last step, and whether there was one. */
	char *unsafe_before;
	bool is_step;
	struct safepath_link *links;
	size_t n_links;
};

/*
 * Walks to path, which must be absolute, and fills *out. Returns false if there is
 * nothing to be had there: out->fd is -1, errno is set, and *error is a new message
 * that names the component. A walk that succeeds can be unsafe: the descriptor then
 * is good for explanations only. safepath_close() releases what a walk holds.
 */
bool safepath_open(const char *path, struct safepath *out, char **error);
void safepath_close(struct safepath *walk);

/*
 * Where walks go on from. The disks of a VM mostly lie next to each other: a path that begins with
 * the same directory as the last one does not walk there again. The descriptors hold what was
 * judged, so this is as sound as one long walk. Zeroed at the beginning; whoever holds it calls
 * safepath_forget() at the end.
 */
struct safepath_start {
	char *path; /* up to and with its last "/", as it was asked for */
	struct safepath_dir **dirs;
	size_t n_dirs;
};

/* As safepath_open(). What out holds stays as it is in later walks. */
bool safepath_open_from(
	struct safepath_start *start, const char *path, struct safepath *out, char **error);
void safepath_forget(struct safepath_start *start);

/*
 * Why the object is unsafe, a new message, and in the end, behind the last "; ", what to do if it
 * is a disk: to move it to a directory of root's. A command is named where nobody else can replace
 * the file: one of root's in /tmp. NULL: it is safe. Not for what root obeys, or of other names:
 * that was perhaps put there. help: see base/help.h.
 */
char *safepath_why_no_disk(const struct safepath *walk, char **help);

/*
 * Whether nobody but root and owner (0: root alone) can make the path of the walk lead elsewhere,
 * to what is not theirs.
 */
bool safepath_is_fixed(const struct safepath *walk, uid_t owner);

/*
 * What is to stand before a command that changes the object of the walk, new: "" as root, or
 * "virt-priv-exec -u alice -- ". NULL: no command is to be advised (command.h says why).
 */
char *safepath_command(const struct safepath *walk);
/* The same of a command of that user, new. */
char *safepath_as(uid_t uid);

/*
 * Judges the last step of the walk again, as if its object had that owner: the true one of
 * a file that is lent to the QEMU user.
 */
void safepath_judge(struct safepath *walk, uid_t owner);

/* The same object once more, with other flags (no O_CREAT); -1 and errno as open(2). */
int safepath_reopen(int fd, int flags);
/*
 * The same of what a walk came to, also where there is no /proc, as in an installer's root: then
 * by its name in the directory that is held, if that still is the same object (else ESTALE).
 */
int safepath_reopen_walk(const struct safepath *walk, int flags);
