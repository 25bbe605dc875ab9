/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of a claim that is planned, made durable before the lock is taken (journal_aside.h).
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>

/*
 * Without the lock, of a VM that has no journal. What can't be prepared is not: then it takes its
 * time with the lock. One at a time in a process.
 */
void journal_prepare(const struct journal *journal);

/*
 * With the lock: puts what was prepared in the place of the VM's journal in directory, if it is
 * this text, and there is none yet. False: it was not; what was prepared is gone.
 */
bool journal_take_prepared(int directory, const char *name, const char *text);

/* Takes away what was prepared, and is not wanted. */
void journal_prepare_end(void);
