/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journals of all VMs. They are locked (journal_lock.h). */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The names of VMs that something in JOURNAL_DIR has, sorted and new. Ends the program on errors.
 */
char **journal_names(size_t *n);

/*
 * All journals, sorted by name; journal_free_all() ends them. One that can't be read is reported
 * on standard error and makes *all_read false.
 */
struct journal **journal_read_all(size_t *n, bool *all_read);
