/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's side of audit_bpf.c hands to its other side: a record for each thread. */
#pragma once

#define AUDIT_RECORD_GROUPS 32
#define AUDIT_RECORD_NS_PIDS 8
#define AUDIT_SIZES 32

/* Ids are the host's, as linux/cred.h has them; pids those of the auditor's pid namespace. */
struct audit_record {
	unsigned int tgid, tid, tracer;
	unsigned int uid[4], gid[4]; /* real, effective, saved, file system */
	unsigned int securebits, no_new_privs, seccomp;
	int seccomp_filters;		/* -1: this kernel does not count them */
	unsigned int state, exit_state; /* linux/sched.h */
	unsigned int n_groups;		/* more than there is room for: those are left out */
	unsigned int n_ns_pids;		/* the same */
	unsigned long long inheritable, permitted, effective, bounding, ambient;
	unsigned long long start; /* nanoseconds after boot */
	char comm[16];
	unsigned int groups[AUDIT_RECORD_GROUPS];
	unsigned int ns_pids[AUDIT_RECORD_NS_PIDS];
};

/* What the other side asks for. */
struct audit_wanted {
	/* Threads of executables of these sizes, which installed ones of QEMU have; 0: none. */
	unsigned long long sizes[AUDIT_SIZES];
	unsigned int tgid; /* not 0: threads of this process, whatever its executable is */
};
