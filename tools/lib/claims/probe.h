/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Journals, once it is known which of the paths in them have no answer (probe.h). */
#pragma once

#include "claims/journal.h"

/*
 * As journal_read() and journal_read_all(), which they call with the lock held (exclusively, or
 * as the second one is told): all paths of what is read were asked for. Where that may take time
 * the lock is let go of meanwhile, and taken and read anew. So they come first of what is done
 * under the lock.
 */
bool claims_probe(const char *name, struct journal **out, char **error);
struct journal **claims_probe_all(size_t *n, bool *all_read, bool exclusive);
