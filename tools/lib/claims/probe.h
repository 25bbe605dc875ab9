/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and journals, and whether the paths in them have an answer (path/probe.h). */
#pragma once

#include "claims/journal.h"
#include "claims/request.h"

/* Of journals that were read, says by wanted[], all false at first, of whose paths is asked. */
typedef void claims_probe_choose(void *context, struct journal *const *all, size_t n, bool *wanted);

/*
 * As journal_read() and journal_read_all(), which they call with the lock held (exclusively, or
 * as the second one is told): all paths of what is read were asked for; of all journals, if choose
 * is given, of those that it wants: it is called last with those that are returned. Where that may
 * take time the lock is let go of meanwhile, and taken and read anew. So they come first of what is
 * done under the lock. False and a new message also where it can't be taken again: then it is not
 * held, and nothing must be done that depends on the journals.
 */
bool claims_probe(const char *name, struct journal **out, char **error);
bool claims_probe_all(struct journal ***all, size_t *n, bool *all_read, bool exclusive,
	claims_probe_choose *choose, void *context, char **error);

/* Asks for the paths of requests, before the lock is taken. */
void claims_probe_requests(const struct claim_requests *requests);
