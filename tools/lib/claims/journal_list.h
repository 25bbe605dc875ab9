/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journals of all VMs. They are locked (journal_lock.h). */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The names of VMs that something in JOURNAL_DIR has, sorted: a new array of new texts. False and a
 * new message if not all can be listed.
 */
bool journal_names(char ***names, size_t *n, char **error);

/*
 * All journals, sorted by name; journal_free_all() ends them. One that can't be read is reported
 * on standard error and makes *all_read false. False and a new message if they can't be listed:
 * then none is returned.
 */
bool journal_read_all(struct journal ***all, size_t *n, bool *all_read, char **error);
/* The same without that of own, which is what its file says. */
bool journal_read_others(
	const struct journal *own, struct journal ***all, size_t *n, bool *all_read, char **error);
