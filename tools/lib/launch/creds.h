/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Drops the privileges of the calling process and proves it.
 *
 * Neither function returns unless the kernel itself, asked afterwards through
 * /proc and prctl(2), says that the process has exactly the identity and the
 * capabilities that were asked for. On any other outcome the program ends with
 * a message: a half-dropped process must not go on, not even to clean up.
 *
 * The process must have a single thread.
 */
#pragma once

#include "base/ids.h"

#include <stdbool.h>
#include <stdint.h>

struct creds {
	const struct identity *identity; /* its ids and its groups; not owned */
	/*
	 * Capabilities (1 << CAP_...) that stay permitted, effective,
	 * inheritable, ambient and bounding; every other one leaves all five sets.
	 */
	uint64_t keep;
	/*
	 * Root that keeps what it has: no set and no securebit is touched, since
	 * a locked SECBIT_NOROOT would leave the next program without any
	 * capability. Only with uid 0.
	 */
	bool keep_all;
	bool allow_new_privs; /* do not set no_new_privs(2) */
};

/* As root (effective uid 0). */
void creds_drop(const struct creds *wanted);

/*
 * As anybody else: ids, securebits and bounding set stay as they are (nothing
 * of them is privilege without root, and changing them needs it); ambient,
 * inheritable, permitted and effective set are emptied and no_new_privs set,
 * unless allow_new_privs.
 */
void creds_drop_unprivileged(bool allow_new_privs);

/*
 * The mask of the capability called name ("net_admin" or "cap_net_admin", in
 * any case), 0 if there is none of that name.
 */
uint64_t creds_capability(const char *name);

/*
 * The names of a mask as "CAP_CHOWN,CAP_KILL", a number for a capability that
 * the library has no name for, "none" for 0. The caller frees it.
 */
char *creds_capability_names(uint64_t mask);
