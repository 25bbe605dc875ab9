/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor process: waits for a process that was started, forwards signals to it, and tells how
 * it ended. The process is held by a descriptor (pidfd_open(2)), so that a number used again can't
 * be taken for it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

/* What a supervising process looks after beside its child: see supervise_watch(). */
struct supervise_watch {
	int fd;
	bool (*on_input)(void *context);
	void *context;
};

/* What a supervising process has open, and watches; the caller's. */
struct supervisor {
	pid_t parent;  /* of the program, when it was started */
	int report_to; /* to the caller of supervise_detach(); -1: nobody waits */
	struct supervise_watch *watches;
	size_t n_watches;
};
#define SUPERVISOR_INIT ((struct supervisor){.parent = getppid(), .report_to = -1})

/*
 * Blocks SIGPIPE, and the signals that are forwarded; what arrives from now on waits for
 * supervise(). False and a new message on failure.
 */
bool supervise_block_signals(char **error);

/*
 * Has this process get SIGTERM when that parent ends (PR_SET_PDEATHSIG(2const)), or has ended by
 * now: blocked, it waits for supervise(), too. False and a new message on failure.
 */
bool supervise_end_with(pid_t parent, char **error);

/* Waits for the end of a child. Returns its exit status, 128 + N where signal N ended it. */
int supervise(struct supervisor *s, pid_t child);

/*
 * A process of its own, in a session of its own, that adopts what its children leave, while
 * the caller waits for what it says by supervise_report(). In the caller, when it has reported,
 * the status is in *status. Where it failed, in whichever process, a new message is in *error.
 */
enum supervise_side { SUPERVISE_FAILED, SUPERVISE_CALLER, SUPERVISE_MONITOR };
enum supervise_side supervise_detach(struct supervisor *s, int *status, char **error);

/* What the caller of supervise_detach() is to end with; standard descriptors are let go of. */
void supervise_report(struct supervisor *s, int status);

/*
 * In a child that becomes somebody else: lets go of the pipe to the caller of
 * supervise_detach(), who would wait for it.
 */
void supervise_let_go(struct supervisor *s);

/*
 * While supervise() waits, has on_input(context) called when there is something to read from fd,
 * or, where fd is -1, several times a second. Until that returns false. Each call adds one.
 */
void supervise_watch(struct supervisor *s, int fd, bool (*on_input)(void *context), void *context);

/* Children of this process. */
struct supervise_children {
	pid_t *pids;
	size_t n;
};
/* A child of this process that has not ended and is none of those, 0 if there is none. */
pid_t supervise_remaining(const struct supervise_children *known);
/* Adds all that there are by now. */
void supervise_know(struct supervise_children *known);
