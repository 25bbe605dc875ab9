/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions whose answer may never come.
 *
 * A file system whose server does not answer (NFS, sshfs, any FUSE mount, an overlay above
 * one) holds whoever asks it in an uninterruptible sleep: fs/fuse/dev.c, request_wait_answer(),
 * waits even for a process that was sent SIGKILL once the server has read the request. So
 * such a question is asked in a child, which is given up when its time is over. The child
 * keeps no descriptor of this program's but those that the question needs: no lock, no pipe
 * that others wait on. Its own timer ends it as soon as the kernel lets go of it.
 *
 * Time is counted for the whole program, not for each question: the first one that is not
 * answered may take ATTEMPT_FIRST_MS, further ones ATTEMPT_NEXT_MS, all of them
 * ATTEMPT_ALL_MS. What is asked after that, or of a device that did not answer before, is not
 * asked any more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ATTEMPT_FIRST_MS 5000
#define ATTEMPT_NEXT_MS 1000
#define ATTEMPT_ALL_MS 10000

/*
 * The errno of what was not answered. Nothing that is asked here gives it by itself
 * (errno(3): ETIME is of STREAMS).
 */
#define ATTEMPT_SILENT ETIME

/* In the child: what it answers. */
struct attempt_out {
	char *bytes;
	size_t length;
	int fd; /* -1: no descriptor goes with it */
};
void attempt_put(struct attempt_out *out, const void *bytes, size_t length);

struct attempt_answer {
	int number;	   /* 0: answered; ATTEMPT_SILENT; or why it could not be asked */
	const void *bytes; /* live as long as the call */
	size_t length;
	int fd; /* the receiver's; -1: none */
};

struct attempt {
	/* In the child, question i: puts its answer into *out. */
	void (*ask)(void *context, size_t i, struct attempt_out *out);
	/* Here, once for each question, in order. */
	void (*take)(void *context, size_t i, const struct attempt_answer *answer);
	/* The device that would be asked, 0 if it can't be told. NULL: it never can. */
	dev_t (*device)(void *context, size_t i);
	void *context;
	const int *keep; /* descriptors that the questions need, below 0: none */
	size_t n_keep;
};

/* Asks the questions 0 to n - 1, one after the other. */
void attempt(const struct attempt *attempt, size_t n);

/* Text of an errno, ATTEMPT_SILENT included ("not answered in 5 s"). Static. */
const char *attempt_why(int number);

/* Whether the process is a child that was given up, and not waited for since. */
bool attempt_is_child(pid_t pid);
