/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of a journal, which a person can read. Private to claims/. */
#pragma once

#include "claims/journal.h"

/* The line that each begins with: what it is, and the version of what follows. */
#define JOURNAL_FIRST_LINE "virt-privileges claims 1"

/* The text of the journal, new. */
char *journal_format(const struct journal *journal);
