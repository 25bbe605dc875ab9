/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share. Each gives any bytes to one reader of foreign bytes, and
 * fails where what was read can't be: check() ends the program as a crash does.
 */
#pragma once

#include "base/cleanup.h"
#include "base/log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define check(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* The bytes in memory of exactly their size, so that a sanitizer sees one that is read too far. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
	char *bytes = malloc(size ? size : 1);

	check(bytes);
	memcpy(bytes, data, size);
	return bytes;
}

/* The bytes up to the first NUL byte, as a string. */
static inline char *fuzz_string(const uint8_t *data, size_t size)
{
	return xstrndup((const char *)data, size);
}

/* Takes the text up to the separator off the front: a new string without NUL bytes behind it. */
static inline char *fuzz_part(const uint8_t **data, size_t *size, char separator)
{
	const uint8_t *end = memchr(*data, separator, *size);
	size_t length = end ? (size_t)(end - *data) : *size;
	char *part = fuzz_string(*data, length);

	length += end != NULL;
	*data += length;
	*size -= length;
	return part;
}
