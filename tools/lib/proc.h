/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel says of a thread, read from /proc (proc(5)). The kernel is
 * the source of every judgement here: the libraries' own idea of a process's
 * state is never asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_REAL, PROC_EFFECTIVE, PROC_SAVED, PROC_FS };

/* The credentials in a status file, and the number of threads of the process. */
struct proc_status {
	uid_t uid[4]; /* indexed by PROC_REAL to PROC_FS */
	gid_t gid[4];
	gid_t *groups; /* supplementary ones, as the kernel sorts them: ascending */
	size_t n_groups;
	/* Masks of 1 << CAP_..., with the bits that this program has no name for. */
	uint64_t inheritable, permitted, effective, bounding, ambient;
	bool no_new_privs;
	uint32_t threads;
};

/*
 * Reads the text of a status file. Every field above must be there exactly
 * once and well-formed, else false is returned with a new message in *error
 * that the caller frees. On success proc_status_free() releases what *status
 * holds.
 */
bool proc_status_parse(const char *text, struct proc_status *status, char **error);
void proc_status_free(struct proc_status *status);

/*
 * The status of the calling process, which must have one thread: what is true
 * of it is then true of the whole process. Ends the program where that is not
 * so, and where /proc is not the kernel's or can't be read: then nothing could
 * be verified.
 */
void proc_status_self(struct proc_status *status);
