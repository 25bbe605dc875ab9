/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The other files of /proc that a judgement rests on, as text: what stands in them can
 * be of the judged process's own making, so nothing of their form is taken for granted.
 * Pure: text in, values out. Every text is NUL-terminated.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The flags of open(2) in an fdinfo file; false if it has none, or others than octal ones. */
bool proc_fdinfo_flags(const char *text, unsigned *flags);

/* Of a process's stat file (proc_pid_stat(5)). */
struct proc_stat {
	char state;		  /* field 3 */
	pid_t parent;		  /* field 4; 0: it is of another pid namespace, or there is none */
	unsigned flags;		  /* field 9: PF_... of include/linux/sched.h */
	unsigned threads;	  /* field 20, of the process; 0: all have ended */
	unsigned long long start; /* field 22, in clock ticks since boot */
};

/* False where one of these fields is not there, or is no number. */
bool proc_stat_parse(const char *text, struct proc_stat *stat);

/*
 * Where the words of its command line lie in the memory of the process (fields 48 to 51), as
 * fs/proc/base.c, get_mm_cmdline(), has it: to the end of the environment where that follows, since
 * setproctitle(3) writes over it. False where that is not told, or is no range.
 */
bool proc_stat_arguments(const char *text, unsigned long long *begin, unsigned long long *end);

/*
 * Whether the process has ended, and only waits for its parent to look. Its first thread alone can
 * end (_exit(2)), and waits as well, without descriptors and memory; all others go on.
 */
bool proc_stat_has_ended(const struct proc_stat *stat);

/* Of a thread's stat file: whether it goes on. One that exits is about to let go of all it has. */
bool proc_stat_goes_on(const struct proc_stat *stat);
/* Whether it has ended. Of the first thread, that says nothing of the process. */
bool proc_stat_thread_has_ended(const struct proc_stat *stat);

/* Of a process's status file (proc_pid_status(5)). */
struct proc_threads {
	bool first_has_ended;
	unsigned n; /* UINT_MAX: not told */
};
struct proc_threads proc_status_threads(const char *text);
/* As proc_stat_has_ended(). What is cut off before the number of threads has not. */
bool proc_status_has_ended(const char *text);

/* "btime" of /proc/stat: when the host was booted, in seconds since the epoch. */
bool proc_stat_boot(const char *text, long long *seconds);

/* The soft limit of the line NAME ("Max core file size") of a limits file; UINT64_MAX: none. */
bool proc_limits_soft(const char *text, const char *name, uint64_t *limit);

/* Guest memory of QEMU, in KiB. */
struct proc_guest_memory {
	uint64_t total;
	uint64_t dumped; /* of it: what a core dump has */
};

/*
 * Of an smaps file (proc_pid_smaps(5)): QEMU keeps each block of guest memory from fork(2)
 * (MADV_DONTFORK, "dc" in VmFlags) and, with dump-guest-core=off, from core dumps (MADV_DONTDUMP,
 * "dd"). Memory of devices ("io", "pf") is never dumped, and does not count. Without a guest's
 * memory, both are 0.
 */
void proc_smaps_guest_memory(const char *text, struct proc_guest_memory *memory);

/*
 * The path of a cgroup file's line: of the hierarchy of a controller of version 1, or of
 * version 2 with controller "". A new string; NULL: there is no such line.
 */
char *proc_cgroup_path(const char *text, const char *controller);

/*
 * The path in the hierarchy that systemd keeps its units in, of a cgroup file: that of version 1
 * where it has one, or version 2's. A new string; NULL: there is neither, or no text.
 */
char *proc_cgroup_systemd(const char *text);

/*
 * The unit of systemd that a cgroup's path lies in, new: below slices, which end with ".slice", the
 * first name, without the "_" that escapes it (systemd.slice(5)). NULL: that is no service or
 * scope.
 */
char *proc_cgroup_unit(const char *path);

/*
 * The length of a path that a link of /proc leads to (proc_pid_exe(5)), without the " (deleted)"
 * that the kernel writes behind that of a file which has no name any more.
 */
size_t proc_path_length(const char *path);

/* A line of a mountinfo file. */
struct proc_mount {
	unsigned long long id; /* statx(2)'s stx_mnt_id */
	dev_t dev;	       /* of the superblock; btrfs shows another one in stat(2) */
	/* Octal escapes are resolved in the first and the third. */
	char *point, *type, *source;
	char *options; /* of the file system ("super options") */
};

/*
 * Reads the line at *text and advances it; false at the end. A line that is malformed is
 * passed over. proc_mount_free() releases what *mount holds.
 */
bool proc_mountinfo_next(const char **text, struct proc_mount *mount);
void proc_mount_free(struct proc_mount *mount);

/* Whether a comma-separated list of options has that one: "hidepid=2". */
bool proc_options_have(const char *options, const char *option);
