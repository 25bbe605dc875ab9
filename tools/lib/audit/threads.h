/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The credentials of threads, as every check judges them, and how /proc shows them. They
 * come from there or from bpf.h; no check knows which. Private to audit/.
 */
#pragma once

#include "audit/tree.h"
#include "base/proc.h"

struct audit_thread {
	pid_t tid;
	/* Its groups may be those of the thread before. */
	struct proc_status status;
	struct proc_details details;
	/* Of capabilities(7), which /proc does not show; -1: the source does not tell. */
	long securebits;
	/* The same number in two threads: the same table of descriptors; 0: not told, or none. */
	unsigned long long files;
};

enum threads_result {
	THREADS_READ,
	THREADS_TORN,	    /* no two readings agreed; what there is, is the last one */
	THREADS_GONE,	    /* the process has ended */
	THREADS_UNREADABLE, /* *error says what stands in the way, and errno why, 0: its content */
};

/*
 * Reads every thread of the process whose directory of /proc the descriptor is, until two
 * readings agree: the kernel does not write a status file in one go, nor those of several
 * threads, so that a single reading can show a state that never was. *out is new,
 * ascending by tid; audit_threads_free() releases it.
 */
enum threads_result audit_threads_read(const struct audit_tree *tree, int process,
	struct audit_thread **out, size_t *n, char **error);
void audit_threads_free(struct audit_thread *threads, size_t n);

/* Whether two threads have the same ids, groups, capabilities and no_new_privs. */
bool audit_threads_equal(const struct audit_thread *a, const struct audit_thread *b);
