/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For LD_PRELOAD: the NO_MEMORY_AT'th allocation of the program fails, and with
 * NO_MEMORY_AFTER each one from there on. With NO_MEMORY_COUNT, a file, how many there were
 * is written into it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static unsigned long allocations, at, after;
static int counts = -1;

__attribute__((constructor)) static void begin(void)
{
	const char *value = getenv("NO_MEMORY_AT");

	at = value ? strtoul(value, NULL, 10) : 0;
	value = getenv("NO_MEMORY_AFTER");
	after = value ? strtoul(value, NULL, 10) : 0;
	value = getenv("NO_MEMORY_COUNT");
	if (value)
		counts = open(value, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* What the loader did before does not count, nor is a child of the program meant. */
	unsetenv("NO_MEMORY_AT");
	unsetenv("NO_MEMORY_AFTER");
	unsetenv("NO_MEMORY_COUNT");
	unsetenv("LD_PRELOAD");
	allocations = 0;
}

static int fails(void)
{
	char text[32];

	allocations++;
	/* At once, since a program may become another one, and end in no other way. */
	if (counts >= 0) {
		int n = snprintf(text, sizeof text, "%lu\n", allocations);
		bool counted = pwrite(counts, text, (size_t)n, 0) == n;
		/* A child that keeps no descriptor of the program's is not counted any more. */
		if (!counted && errno != EBADF)
			_exit(99);
		if (!counted)
			counts = -1;
	}
	if (allocations != at && (!after || allocations < after))
		return 0;
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);
void *reallocarray(void *old, size_t count, size_t size);

void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(count, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, all);
}
