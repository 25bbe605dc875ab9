/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes one JSON document to standard output, member after member.
 *
 * json-c would cost virt-priv-exec at every start what only --json needs, and
 * still lack what is special here: JSON is UTF-8, while paths, arguments and
 * variables on Linux are any bytes. A byte that is not UTF-8 is written as
 * \xNN, and a twin member "KEY_raw" holds the exact bytes in base64; the twin
 * is there only where it is needed.
 *
 * key is NULL for an element of an array, and for the document itself.
 */
#pragma once

#include <stdbool.h>

void json_begin_object(const char *key);
void json_end_object(void);
void json_begin_array(const char *key);
void json_end_array(void);
void json_integer(const char *key, long long value);
void json_boolean(const char *key, bool value);
void json_null(const char *key);

/* "key": text and, if needed, its twin. text NULL is null. Within an object only. */
void json_bytes(const char *key, const char *text);

/* "key": [texts...] and, if any of them needs it, the twin array of all. Ends with NULL. */
void json_byte_strings(const char *key, char *const *texts);

/* A string as an element of an array, without a twin. */
void json_element(const char *text);

/* Ends the document. Whether it could be written, stdout(3) tells, as of any other text. */
void json_finish(void);
