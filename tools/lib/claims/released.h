/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a release: that what was given back is on the disks of its file systems, and then
 * that the journal goes (journal_aside.h). Others need not wait for those disks. Private to
 * claims/.
 */
#pragma once

#include "claims/journal.h"
#include "claims/touched.h"

#include <stdbool.h>

/*
 * With the lock: all that the journal holds was given back. Puts it aside for released_finish(),
 * and takes *touched. False: it is where it was, and *touched, too.
 */
bool released_put_aside(const struct journal *journal, struct touched *touched);

/*
 * Without the lock. Where something can't be made durable, says so, the journal is back, and the
 * result is false.
 */
bool released_finish(void);
