/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that read and write the text of a journal share. */
#pragma once

#include "claims/ownable.h"

#include <stdbool.h>
#include <stdio.h>

/* A value, escaped as journal.h says; and back, in place: false if it is not such a text. */
void journal_put_escaped(FILE *out, const char *text);
bool journal_unescape(char *text);

/* "KEY VALUE\n" */
void journal_put_value(FILE *out, const char *key, const char *value);

/* The lines of an entry that say what its owner could have changed. */
void journal_put_ownable(FILE *out, const struct ownable *ownable);

enum journal_line { JOURNAL_LINE_OTHER, JOURNAL_LINE_TAKEN, JOURNAL_LINE_BAD };

/* Takes such a line into *ownable, if it is one. */
enum journal_line journal_take_ownable(const char *key, const char *value, struct ownable *ownable);
