/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fast way to the credentials of threads: programs in the kernel (tools/bpf) that write
 * them for all threads of QEMU in one pass, with the securebits, which /proc does not show.
 *
 * It is there where the program was built with it, the kernel has BTF, its iterators and
 * loads programs that look up fields themselves (Linux 5.17), and the auditor may load them
 * (CAP_BPF and CAP_PERFMON). Else, and for every process that it does not describe completely,
 * /proc is read. Each program is loaded when it is asked for first. Private to audit/.
 */
#pragma once

#include "audit/threads.h"

struct audit_bpf;

/*
 * NULL where it was not built. Whether the kernel gives it shows at the first question: where it
 * does not, info() says why, once. audit_bpf_close() releases it.
 */
struct audit_bpf *audit_bpf_open(void);
void audit_bpf_close(struct audit_bpf *bpf);

/*
 * Takes down, for the first time, the threads of all processes that may be QEMU: by the name of
 * their executable, or because it has one of these sizes, which installed ones have. Returns how
 * many processes these are, and in *pids a new array, ascending; -1: it could not be done.
 */
ssize_t audit_bpf_find(
	struct audit_bpf *bpf, const unsigned long long *sizes, size_t n_sizes, pid_t **pids);

/* The processes that have a virtual machine of KVM open, likewise. */
ssize_t audit_bpf_find_kvm(struct audit_bpf *bpf, pid_t **pids);

/* Takes down, for the first time, the threads of one process, whatever it is. */
bool audit_bpf_watch(struct audit_bpf *bpf, pid_t pid);

/*
 * The threads of the process that had this id, and was started then, in clock ticks after
 * boot, as they are when they are taken down once more, the same both times. *out is new, ascending
 * by tid: see audit_threads_free(). False where they were not, or there is more than a record can
 * hold.
 */
bool audit_bpf_threads(struct audit_bpf *bpf, pid_t pid, unsigned long long start,
	struct audit_thread **out, size_t *n);
