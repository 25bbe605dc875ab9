/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The root directory of an isolated VM that runs: what is given to it meanwhile becomes visible
 * there, and what is taken from it is not any more.
 *
 * A child of this process enters the VM's mount namespace. What QEMU can write there is hostile:
 * names are resolved beneath its root directory, and no link is followed.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct claim_requests;
struct claims_plan;
struct journal;
struct stat;

/*
 * The mount namespace of the process that holds the claim, if it has another root directory than
 * this one: a descriptor, to be closed. -1: it has the same, or there is none; or a new message,
 * where that can't be told.
 */
int visit_open(const struct journal *journal, char **error);

/*
 * Mounts in the VM's root directory what was asked for and is claimed, just now or before, each
 * under its name there, unless it is there already: a call that was cut off can be repeated. False
 * and a new message on failure.
 */
bool visit_show_claimed(int pidfd, const struct claims_plan *plan,
	const struct claim_requests *requests, char **error);

/*
 * Unmounts what is there under that name, if anything is, and the object itself under each other
 * name that it was mounted at: it can have been given by a link, or by the path that one leads to.
 * object: what the name led to before it was given back; NULL: not known. False and a new message
 * on failure.
 */
bool visit_hide(int pidfd, const char *path, const struct stat *object, char **error);
