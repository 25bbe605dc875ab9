/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests and journals, and whether the paths in them have an answer (path/probe.h). */
#pragma once

#include "claims/journal.h"
#include "claims/request.h"

/*
 * As journal_read() and journal_read_all(), which they call with the lock held (exclusively, or
 * as the second one is told): all paths of what is read were asked for. Where that may take time
 * the lock is let go of meanwhile, and taken and read anew. So they come first of what is done
 * under the lock.
 */
bool claims_probe(const char *name, struct journal **out, char **error);
struct journal **claims_probe_all(size_t *n, bool *all_read, bool exclusive);

/* Asks for the paths of requests, before the lock is taken. */
void claims_probe_requests(const struct claim_requests *requests);
