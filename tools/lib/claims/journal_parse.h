/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the text of a journal (journal_format.h), which is taken only if all of it is what would be
 * written; or, of a damaged one, what can still be read.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <stddef.h>

/* The journal of a text, new. file: its name, for messages. NULL and a new message on failure. */
struct journal *journal_parse(const char *file, const char *text, size_t length, char **error);

/*
 * What can still be read of a damaged journal's text: the entries that are whole, each with its
 * line; and in *partial those that are not, with what of them could be read, kept being the reason.
 * *is_sound says whether the head is whole, and whether the entries are as many as the end of
 * the text says, where it is there. NULL never.
 */
struct journal *journal_salvage(const char *file, const char *text, size_t length,
	struct journal **partial, bool *is_sound);
