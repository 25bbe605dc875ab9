/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that holds a qemu.conf: read as a whole, and replaced as a whole.
 *
 * A path is walked as safepath.h does it, so a symbolic link is followed only where nobody
 * but root could have put it there. What is edited must be a regular file with one name,
 * root's, and writable by nobody else, as settings.h demands of what it reads. A function
 * that returns false has a new message in *error, and has changed nothing;
 * conffile_replace() says so itself where that is not certain.
 *
 * Private to conf/.
 */
#pragma once

#include "conf/confedit.h"

#include <stdbool.h>
#include <sys/stat.h>

struct conffile {
	const char *path; /* as it was asked for */
	char *real;	  /* without symbolic links */
	int dir;	  /* the directory it lies in; locked, if it is to be edited; else -1 */
	const char *name; /* in that directory; part of real */
	int fd;		  /* -1: there is no such file */
	struct stat st;
	struct conftext text;
};

#define CONFFILE_NONE ((struct conffile){.dir = -1, .fd = -1})

/*
 * Reads the file at path, whoever it belongs to. Where there is none, file->fd is -1 and the
 * text empty; a symbolic link to nothing is an error, as it is for settings_read().
 */
bool conffile_read(const char *path, struct conffile *file, char **error);

/* That there is nothing at path: false for a symbolic link to nothing. */
bool conffile_is_missing(const char *path, char **error);

/* Of a file that is opened: examines it, which must be a regular one; and reads all of it. */
bool conffile_stat(int fd, const char *path, struct stat *st, char **error);
bool conffile_read_text(
	int fd, const char *path, const struct stat *st, struct conftext *text, char **error);

/*
 * Why root should not go by what the file says, a new message with the command that helps;
 * NULL: it is trusted.
 */
char *conffile_distrust(const struct conffile *file);

/*
 * Reads the file to replace it: waits for the lock that editors of the same directory hold
 * one after the other, and reads then. path must be absolute. What can't be trusted is
 * refused. Where there is no such file, file->fd is -1 and the text empty; the directory is
 * made if make_directory says so, and its lack is an error otherwise. conffile_close()
 * releases *file, also after an error.
 */
bool conffile_open(const char *path, bool make_directory, struct conffile *file, char **error);

/*
 * Puts the text in the file's place, in one step: whoever reads, at any moment and after a
 * crash, sees the old file or the new one. Owner, mode, ACL and extended attributes, the
 * SELinux label among them, are those of the old file; a file that is new is root's and
 * 0600. Refused if the file was changed since it was read.
 */
bool conffile_replace(struct conffile *file, const struct conftext *text, char **error);

/*
 * Takes the file away, in one step, if nobody has changed it since it was read. Only under its own
 * name: not where path leads through a symbolic link.
 */
bool conffile_remove(struct conffile *file, char **error);

/* Lets others edit, who would wait until conffile_close() otherwise. */
void conffile_unlock(struct conffile *file);
void conffile_close(struct conffile *file);
