/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an audit is made of: the host, the processes that were found and read, the checks,
 * and what they found. The parts, in the order of an audit:
 *
 *   run.h      an audit from its beginning to its findings
 *   find.h     which processes are judged
 *   process.h  what is true of each, read so that it was true at one moment
 *   checks.h   the catalogue, whose functions are in check_functions.h
 *   report.h   the findings, printed
 */
#pragma once

#include "audit/bpf.h"
#include "audit/threads.h"
#include "audit/tree.h"
#include "base/proc_text.h"
#include "conf/settings.h"
#include "path/trust.h"

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_UNKNOWN,	/* the check could not be made */
	VERDICT_NOT_APPLICABLE, /* this host has no such mechanism */
};

enum found_by {
	FOUND_BY_NAME,	  /* its executable is called as QEMU's are */
	FOUND_BY_FILE,	  /* it is the same file as an installed one of QEMU */
	FOUND_BY_COPY,	  /* it has the same content as one */
	FOUND_BY_KVM,	  /* it has a virtual machine of KVM open, and is not QEMU */
	FOUND_BY_REQUEST, /* --pid, and neither of these */
};

/* Who has given a VM its name (vm_names.h). */
enum named_by { NAMED_BY_NOBODY, NAMED_BY_RUN, NAMED_BY_LIBVIRT, NAMED_BY_COMMAND_LINE };

/* Threads that have the same credentials: judged once. */
struct thread_class {
	size_t first; /* the one with the lowest tid, an index */
	size_t count;
};

struct audit_descriptor {
	int number;
	char *target; /* what its link says */
	bool has_st;
	struct stat st;
	int flags; /* of open(2); -1: not told */
};

/* What a link below /proc/PID/ns says: "net:[NUMBER]". */
struct audit_namespace {
	char *link; /* NULL: not told */
	int number; /* of errno: why not */
};

/* A file that processes run. */
struct audit_executable {
	char *path; /* what their links say */
	bool has_st;
	struct stat st;
	/* security.capability: 1 there, 2 for a user namespace alone, 0 not, -1 not told */
	int capabilities;
	int capabilities_errno; /* why not told */
	struct trust_facts writers;
	/* Whether the path still leads to it; asked when its directories are judged. */
	bool was_sought, is_at_path;
	int seek_errno; /* not 0: why it is not told */
};

struct audit_process {
	pid_t pid, parent; /* parent 0: not told */
	enum found_by found_by;
	bool is_libvirt;  /* libvirt started it */
	bool is_ordinary; /* an ordinary user's, without more privileges: ordinary.h */
	char *name;	  /* as the kernel has it; "" */
	char *vm_name;	  /* NULL: not told */
	enum named_by named_by;
	char *unit; /* of systemd, that it runs in; NULL: none, or not told */

	char *exe; /* what the link says; NULL: not told, and exe_errno why */
	int exe_errno;
	bool has_exe_st;
	struct stat exe_st;
	struct audit_executable *executable; /* never NULL; others can run the same */

	/* unreadable: why there is no thread to judge; denied: a right was lacking. */
	struct audit_thread *threads;
	size_t n_threads;
	struct thread_class *classes;
	size_t n_classes;
	bool is_torn, is_denied;
	bool is_by_bpf; /* where the threads come from; else /proc */
	char *unreadable;

	struct audit_descriptor *descriptors;
	size_t n_descriptors;
	int descriptors_errno; /* 0: all were seen */

	char *label;  /* of the security module; NULL: none, or not told */
	char *cgroup; /* the cgroup file */
	char *limits; /* the limits file */
	/* Where it can dump core (core_dumps.h). */
	struct proc_guest_memory memory;
	int memory_errno; /* not 0: why it is not told */
	char *uid_map;	  /* of its user namespace */
	char *user_ns;	  /* "user:[NUMBER]" */
	struct audit_namespace network, ipc;
	struct stat root_st; /* of its root directory */
	int root_errno;	     /* not 0: why that is not told */
	bool has_start;
	unsigned long long start; /* clock ticks after boot */
};

struct audit;

/* A row of the catalogue (checks.h). */
struct audit_check {
	const char *id, *title;
	enum severity severity;
	bool needs_threads; /* unknown by itself where no thread could be read */
	bool is_of_qemu;    /* not applicable to other users of KVM */
	const char *explanation, *remedy;
	void (*process)(struct audit *audit, const struct audit_process *process);
	void (*host)(struct audit *audit);
};

struct finding {
	const struct audit_check *check;
	enum verdict verdict;
	enum severity severity;
	pid_t pid, tid; /* 0: of the host; of the process as a whole */
	size_t threads; /* how many are meant, tid the first of them */
	bool is_blind;	/* unknown for want of a right that an audit should have */
	bool is_idle;	/* of an ordinary user's process: it makes no audit fail (ordinary.h) */
	char *message;
};

/* A file by what the kernel knows it by, and the name to call it. */
struct known_file {
	dev_t dev;
	ino_t ino;
	off_t size;
	char *path;
};

/* A directory above an executable. */
struct judged_directory {
	char *path;  /* "": the root */
	int is_weak; /* 1: users other than root can change it; 0; -1: not told, number says why */
	int number;  /* of errno */
	char *cause;
};

/* A cgroup's devices. */
struct judged_cgroup {
	char *directory; /* NULL: none was judged yet */
	int allows_all;	 /* 1, 0; -1: not told, number says why */
	int number;	 /* of errno */
};

/* A file that a process of the host was seen to run (find.c). */
struct seen_file {
	unsigned long long mount, ino;
	dev_t dev;
	struct timespec ctime;
	bool is_other; /* it is not QEMU, whatever its path; else that depends on the process */
};

/* An object that virt-priv-chown has handed to a user. */
struct claimed_file {
	dev_t dev;
	ino_t ino;
	uid_t uid;
};

/* An object that reaches far into the host, and that its group may use. */
struct sensitive_object {
	char *path;
	struct stat st;
	/* Its access ACL, where that can give a group more than others; NULL: none, or not told. */
	char *acl;
	size_t acl_length;
};

/* What a user reaches through a group. */
struct group_reach {
	uid_t uid;
	gid_t gid;
	const struct sensitive_object *first; /* of n */
	size_t n;
	int rights; /* R_OK, W_OK */
	int number; /* of errno: why there may be more; else 0 */
};

/* What processes are compared with: the first process's, or why that is not told. */
struct audit_host {
	bool is_read;
	struct audit_namespace network, ipc;
	struct stat root_st;
	int root_errno;
};

struct audit {
	struct audit_tree tree;
	struct audit_bpf *bpf; /* NULL: /proc is all that there is */
	struct settings settings;
	struct timespec settings_time; /* of the file's last change; 0: no file, or not told */
	int settings_time_errno;       /* not 0: why it is not told */
	int settings_errno;	       /* not 0: why the file could not be read */

	/* The account that the settings ask for: 1 it exists, 0 it does not, -1 not told. */
	int has_user, has_group;
	struct tree_account user;
	gid_t group;

	struct audit_process **processes;
	size_t n_processes;
	bool is_partial; /* --pid: others were not looked for */
	size_t n_hidden; /* whose executable could not be seen */
	int hidden_errno;
	const char *unseen_directory; /* where QEMU can be installed unseen; NULL: nowhere */
	int unseen_errno;

	struct finding *findings;
	size_t n_findings;

	/* What the search and the checks need, read when the first of them does. */
	struct known_file *installed; /* executables of QEMU */
	size_t n_installed;
	bool has_installed;
	struct seen_file *seen;
	size_t n_seen;
	struct sensitive_object *objects;
	size_t n_objects;
	bool has_objects;
	int objects_errno; /* not 0: why some may be missing */
	struct group_reach *reaches;
	size_t n_reaches;
	struct claimed_file *claimed;
	size_t n_claimed;
	bool has_claimed, claims_unread;
	struct audit_executable **executables;
	size_t n_executables;
	struct judged_directory *directories;
	size_t n_directories;
	struct judged_cgroup cgroup; /* the last one: processes often share one */
	struct audit_host host;
	int isolates;			 /* isolation.h; 0: not asked yet */
	struct audit_journals *journals; /* NULL: not read yet */

	/* The check that runs, and what it judges. */
	const struct audit_check *check;
	const struct audit_process *process;
	bool has_spoken;
};

const char *severity_name(enum severity severity);
const char *verdict_name(enum verdict verdict);
const char *found_by_name(enum found_by found_by);

/* Whether it is QEMU, by its executable. */
bool audit_is_qemu(const struct audit_process *process);

/*
 * For check functions. A check that says nothing has passed. audit_fail() is of the
 * severity of the catalogue, audit_fail_as() of another one; both are info where the process is
 * an ordinary user's. class, an index, is of the threads that are meant; NO_CLASS: the process, or
 * the host, as a whole.
 */
#define NO_CLASS SIZE_MAX
void audit_fail(struct audit *audit, size_t class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void audit_fail_as(struct audit *audit, enum severity severity, size_t class, const char *format,
	...) __attribute__((format(printf, 4, 5)));
/* The same of an ordinary user's process too, where it is a privilege that the user has not. */
void audit_fail_beyond(struct audit *audit, size_t class, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void audit_unknown(struct audit *audit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for want of a right: the audit as a whole then could not see. */
void audit_blind(struct audit *audit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void audit_not_applicable(struct audit *audit, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What audit_check_run() notes for a check that said nothing. */
void audit_pass(struct audit *audit);
/* With errno's reason behind it: blind for EACCES and EPERM, else unknown. */
void audit_unreadable(struct audit *audit, int number, const char *what);

/* The status of the threads of a class. */
const struct audit_thread *audit_class(const struct audit_process *process, size_t class);
