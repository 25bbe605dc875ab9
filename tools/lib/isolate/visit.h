/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root directory of an isolated VM that runs: what is given to it meanwhile becomes visible
 * there, and what is taken from it is not any more.
 *
 * A child of this process enters the VM's mount namespace and root directory. What QEMU can write
 * there is hostile: names are resolved beneath its root directory, and no link is followed. What is
 * mounted there may be a server's that does not answer: who asks is given up in time (attempt.h),
 * and only what has to do with the disk is asked.
 */
#pragma once

#include "claims/claimed_vm.h"
#include "claims/release_rounds.h"

#include <stdbool.h>

struct claims_plan;

struct visit {
	struct claimed_vm vm;
	int namespace; /* the mount namespace of the process that holds its claim; -1 as below */
	int root;      /* its root directory, O_PATH; -1: it has none of its own */
	char *unknown; /* why that can't be told; NULL: it can */
};

/*
 * The VM of that name as its claim has it now, if it has one: read under the lock of the journals,
 * which is let go of. False and a new message on failure; visit_end() releases what *visit holds
 * in any case.
 */
bool visit_begin(const char *name, struct visit *visit, char **error);
void visit_end(struct visit *visit);

/*
 * Mounts in the VM's root directory what the plan, which keeps objects, has about them: each under
 * the name that was asked for, read-only where it is only read, unless it is there already; so a
 * call that was cut off can be repeated. False and a new message on failure.
 */
bool visit_show(const struct visit *visit, const struct claims_plan *plan, char **error);

/*
 * Unmounts there what is to be dropped, at each place where it is mounted: it can have been given
 * by a link, or by the path that one leads to. object: a descriptor of it; -1: it is not to be had,
 * and what is at that name counts. For release_how.hide, with a struct visit.
 */
enum release_hidden visit_hide(void *visit, const char *name, int object, char **error);
