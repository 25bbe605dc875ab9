/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Journals that are there and can't be read: cut, overwritten, with keys of a newer version, of
 * another VM's name, not root's alone, or no file at all. What they hold is not known, so that no
 * VM can claim a disk. What settles one without a loss is journal_set_aside_command().
 * Private to claims/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct journal_damage {
	char *name; /* of the VM */
	char *why;
};

/*
 * Those that can't be read now, sorted by name, new; journal_damage_free() ends them. The journals
 * are locked. False and a new message if they can't be listed.
 */
bool journal_damage_list(struct journal_damage **all, size_t *n, char **error);
void journal_damage_free(struct journal_damage *all, size_t n);

/* Why no VM can claim a disk, a new sentence that names one of them, and its command. */
char *journal_damage_reason(void);
