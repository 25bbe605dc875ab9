/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stays with a process that was started, hands signals on to it, and tells how it ended. The
 * process is held by a descriptor (pidfd_open(2)), so that a number used again can't be taken
 * for it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Blocks SIGPIPE, and the signals that are handed on; what arrives from now on waits for
 * supervise(). */
void supervise_block_signals(void);

/* Waits for the end of a child. Returns its exit status, 128 + N where signal N ended it. */
int supervise(pid_t child);

/*
 * A process of its own, in a session of its own, that adopts what its children leave, while
 * the caller waits for what it says by supervise_report(). Returns true in the new process;
 * in the caller false, when it has reported, with the status in *status.
 */
bool supervise_detach(int *status);

/* What the caller of supervise_detach() is to end with; standard descriptors are let go of. */
void supervise_report(int status);

/*
 * In a child that becomes somebody else: lets go of the pipe to the caller of
 * supervise_detach(), who would wait for it.
 */
void supervise_let_go(void);

/*
 * While supervise() waits, has on_input(context) called when there is something to read from fd,
 * or, where fd is -1, several times a second. Until that returns false.
 */
void supervise_watch(int fd, bool (*on_input)(void *context), void *context);

/* A child of this process that has not ended, 0 if there is none. */
pid_t supervise_remaining(void);
