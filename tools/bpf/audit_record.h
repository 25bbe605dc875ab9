/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's side of audit/bpf.c and its other side tell each other. */
#pragma once

#define AUDIT_RECORD_GROUPS 32
#define AUDIT_RECORD_NS_PIDS 8
#define AUDIT_SIZES 32
#define AUDIT_CRED_ROOM 512

/*
 * A record for each thread. Ids are the host's, as linux/cred.h has them; pids those of the
 * auditor's pid namespace. Where what follows the name is that of the record before, it is left
 * out.
 */
struct audit_record {
	unsigned int size; /* of this record, in eights: groups that are not there are left out */
	unsigned int tid;
	unsigned int state, exit_state; /* linux/sched.h */
	char comm[16];
	unsigned int is_whole;	/* 0: not all of it could be read */
	unsigned int n_threads; /* of its process, those that are about to end too; 0: not told */
	unsigned int tgid, tracer;
	unsigned int uid[4], gid[4]; /* real, effective, saved, file system */
	unsigned int securebits, no_new_privs, seccomp;
	int seccomp_filters;	/* -1: this kernel does not count them */
	unsigned int n_groups;	/* more than there is room for: those are left out */
	unsigned int n_ns_pids; /* the same; tid is the first of them */
	unsigned int inner_pids[AUDIT_RECORD_NS_PIDS];
	unsigned long long inheritable, permitted, effective, bounding, ambient;
	unsigned long long start; /* nanoseconds after boot */
	unsigned long long files; /* the same number: the same table of descriptors; 0: none */
	unsigned int groups[AUDIT_RECORD_GROUPS];
};

/* What is left out begins there. */
#define AUDIT_RECORD_SHARED __builtin_offsetof(struct audit_record, is_whole)

/* The programs' memory: what they are asked for, and what they write in. */
struct audit_shared {
	/* Threads of executables of these sizes, which installed ones of QEMU have; 0: none. */
	unsigned long long sizes[AUDIT_SIZES];
	unsigned int only; /* not 0: threads of this process, whatever its executable is */
	unsigned int own_level;
	unsigned long long own_ns;
	struct audit_record record, before; /* the last one that was written whole */
	char cred[AUDIT_CRED_ROOM];
};
