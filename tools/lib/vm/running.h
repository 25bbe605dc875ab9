/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMUs that run as root now: which there are, and what is needed to ask whether their command
 * lines would start here, as they stand.
 *
 * A process is told by its executable, by name, or as the file of an installed QEMU. It is read
 * through a descriptor of its directory in /proc, which no other process of that number is behind,
 * ever: all that is read is of one process, or fails.
 */
#pragma once

#include "qemu/args.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct running {
	pid_t pid;
	int directory; /* its own in /proc; -1: none */
	int cwd;       /* the directory that it was started in; -1: none */
	bool has_left; /* that is not known: it is a daemon, whose directory is / */
	char *why_not; /* why it is not checked; NULL: it can be, and what follows is there */
	char *program; /* its executable */
	char *text;    /* the command line as /proc has it: words that end with a NUL */
	size_t length;
	char **words; /* those, the executable in the place of the first; ends with NULL */
};

/* The process ids of root's QEMUs, *n in the new array *pids, ascending. False and *error. */
bool running_find(pid_t **pids, size_t *n, char **error);

/* Reads a process into *running, which running_close() releases. */
void running_read(struct running *running, pid_t pid);
void running_close(struct running *running);

/*
 * Why what was read is not so any more: the process has ended, or executes another command line.
 * NULL: it goes on.
 */
const char *running_why_changed(const struct running *running);

/*
 * Becomes, in a process that is for this alone, what is asked in its place: the current
 * directory, the variables of the environment that QEMU and its libraries look for; and the
 * process counts as ended. False and a new message.
 */
bool running_enter(const struct running *running, char **error);

/*
 * There, takes over the descriptors that the command line names by number. False and a new message
 * if it names a file by a path that is relative to a directory that is not known.
 */
bool running_take_over(const struct running *running, const struct qemuargs *args, char **error);
