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
 * What else a status file says of a thread that is judged from outside. No part of it is
 * needed to verify the own process, and a kernel that is old, or built without a feature,
 * leaves some of it out.
 */
#define PROC_MAX_NSPID 33 /* linux/pid_namespace.h: MAX_PID_NS_LEVEL, and the first */
struct proc_details {
	char name[65];	/* as the kernel escapes it, cut where it is longer; "": not told */
	char state;	/* R, S, Z, ... of proc(5); 0: not told */
	int64_t tgid;	/* -1: not told, here and below */
	int64_t pid;	/* the thread's */
	int64_t tracer; /* 0: nobody traces it */
	int seccomp;	/* 0 none, 1 strict, 2 filter */
	int64_t seccomp_filters;	 /* how many; Linux 5.9 and later tell */
	size_t n_ns_pid;		 /* 0: not told */
	uint32_t ns_pid[PROC_MAX_NSPID]; /* its ids, outermost namespace first */
};

/* As proc_status_parse(), but a field may be missing; one that is there twice is an error. */
bool proc_details_parse(const char *text, struct proc_details *details, char **error);

/*
 * The status of the calling process, which must have one thread: what is true
 * of it is then true of the whole process. False and a new message in *error where
 * that is not so, and where /proc is not the kernel's or can't be read: then nothing
 * can be verified.
 */
bool proc_status_self(struct proc_status *status, char **error);
