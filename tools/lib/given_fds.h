/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which descriptors the caller has handed to this program. One that a command line names by its
 * number can be open by then as one of this program's own.
 */
#pragma once

#include <stdbool.h>

/* Notes which are open. Called first of all; ends the program if that can't be told. */
void given_fds_note(void);

/* Whether the descriptor was open then. */
bool given_fds_has(int fd);
