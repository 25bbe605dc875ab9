/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory of the journals, and the lock that whoever reads or writes them holds meanwhile.
 * There is one of both in a process, as there is on a host.
 */
#pragma once

#include <stdbool.h>

#define JOURNAL_DIR "/var/lib/virt-privileges/claims"

/*
 * Takes the lock that every reader (exclusive false) and writer holds while it works
 * with journals; it goes with the process, and a child that is forked meanwhile has it too.
 * Makes the directory if there is none. Returns false and a new message in *error if it can't be
 * had.
 */
bool journal_lock(bool exclusive, char **error);
/* Lets go of it; a child that has it keeps it. */
void journal_unlock(void);

/* JOURNAL_DIR, while it is locked; -1: there is none, and so no journal. */
int journal_directory(void);
