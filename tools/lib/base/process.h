/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which process a number means, now and later, when the number can be that of another one. */
#pragma once

#include "base/proc_text.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * Reads /proc/PID/stat. directory: /proc, or AT_FDCWD for the one of this process. False where
 * there is no such process, or nothing can be read of it.
 */
bool process_stat(int directory, pid_t pid, struct proc_stat *stat);

/*
 * When a process was started, in clock ticks since boot (proc_pid_stat(5), field 22): with its
 * number, this tells it from all others of a boot. *start is 0 if there is no such process, or one
 * that has ended and only waits for its parent to look. False, and in *error a new message, where
 * that can't be told.
 */
bool process_start(pid_t pid, unsigned long long *start, char **error);

/*
 * Whether the process of that number that was started then still lives. One with the start 0 had
 * ended before that could be noted (process_start()), and does not. False, and in *error a new
 * message, where that can't be told; *does is false then.
 */
bool process_lives(pid_t pid, unsigned long long start, bool *does, char **error);

/*
 * A thread that goes on: the first one, whose number is the process's, unless that has ended alone
 * (_exit(2)). Then /proc/PID has no directory, namespace, memory or descriptor of the process any
 * more, but /proc/PID/task/THREAD has. 0: there is none, or none is seen.
 */
pid_t process_living_thread(pid_t pid);

/*
 * Whether the process has been killed, or exits, and has not come to its end: what it has open is
 * closed only there, which takes a while, as for a VM with much memory. False also where that can't
 * be told.
 */
bool process_is_ending(pid_t pid);

/*
 * From now on, the process counts as one that has ended: what is asked is whether another one could
 * take its place, and what it has open, locked or bound is no obstacle to that.
 */
void process_assume_ended(pid_t pid);
bool process_is_assumed_ended(pid_t pid);

/*
 * How a message names a process whose number is a name of /proc: "process 12 (/usr/bin/qemu)", or,
 * where it cannot be seen what it executes, "process 12"; new.
 */
char *process_describe(const char *pid);

/* The pid namespace of this process, by its inode (pid_namespaces(7)); 0 and errno. */
unsigned long long process_namespace(void);

/*
 * Blocks the signals that would end or stop this process. An interrupt from the terminal in the
 * midst of changes would leave them to recover, and so would a message that nobody reads any more.
 */
void process_defer_signals(void);
