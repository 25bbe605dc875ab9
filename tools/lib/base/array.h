/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arrays: how many elements one has, and one more. */
#pragma once

#include "base/log.h"

#include <stddef.h>

/* Of an array that is declared as one, not of a pointer. */
#define N_ELEMENTS(array) (sizeof(array) / sizeof *(array))

/*
 * Makes room in an array on the heap for the element n, where n elements are. Its size is doubled
 * whenever n is a power of two, so a long array is not copied for each element. It must
 * have been NULL at the beginning, and grown by nothing else.
 */
#define ARRAY_GROW(array, n) ((array) = array_grow(array, n, sizeof *(array)))

static inline void *array_grow(void *array, size_t n, size_t size)
{
	return n & (n - 1) ? array : xreallocarray(array, n ? 2 * n : 1, size);
}
