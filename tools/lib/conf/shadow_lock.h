/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lock under which shadow-utils (useradd, usermod) edit a file of the account database:
 * FILE.lock beside it, which holds the process id of whoever has it, a NUL behind it. One whose
 * process has ended is nobody's and is removed, here and there (commonio.c of shadow).
 *
 * Private to conf/.
 */
#pragma once

#include <stdbool.h>

/*
 * Waits half a minute for the lock of the file at path. False, and in *error a new message that
 * says who has it, or why it can't be had; nothing is changed then.
 */
bool shadow_lock(const char *path, char **error);
bool shadow_unlock(const char *path, char **error);
