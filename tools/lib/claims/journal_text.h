/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values in the text of a journal. They are escaped: "\xNN" for a backslash, control characters
 * and bytes that are not UTF-8. Private to claims/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A value, escaped; and back, in place: false if it is not such a text. */
void journal_text_put_escaped(FILE *out, const char *text);
bool journal_text_unescape(char *text);

/* Two small digits for each byte. */
void journal_text_put_hex(FILE *out, const unsigned char *bytes, size_t n);

/* "KEY VALUE\n" */
void journal_text_put(FILE *out, const char *key, const char *value);

/* The value of a hexadecimal digit, as it is written: in small letters; -1: it is none. */
int journal_text_digit(char c);

/* A decimal number without a sign, at most the largest, which *p is moved behind. */
bool journal_text_number(const char **p, unsigned long long largest, unsigned long long *number);
