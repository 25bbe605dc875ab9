/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The name of a VM in the words of a command line, whatever these are. */
#include "base/array.h"
#include "qemu/guest_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The words, each with a NUL behind it but for the last, which has the literal's. */
#define ROW(words, name) words, sizeof(words), name

static const struct row {
	const char *words;
	size_t length;
	const char *name; /* NULL: none */
} rows[] = {
	{ROW("qemu\0-name\0web", "web")},
	{ROW("qemu\0--name\0web\0-S", "web")},
	{ROW("qemu\0-name\0guest=web,debug-threads=on", "web")},
	{ROW("qemu\0-name\0debug-threads=on,guest=web", "web")},
	{ROW("qemu\0-name\0web,process=other", "web")},
	{ROW("qemu\0-name\0a,,b,,,process=c", "a,b,")},
	{ROW("qemu\0-name\0guest=a,,guest=b", "a,guest=b")},
	{ROW("qemu\0-name\0guest=a=b", "a=b")},
	{ROW("qemu\0-name\0a,,b=c", "a,b=c")},
	/* The last of duplicates counts. */
	{ROW("qemu\0-name\0a,guest=b", "b")},
	{ROW("qemu\0-name\0a\0-name\0b", "b")},
	{ROW("qemu\0-name\0a\0-name\0debug-threads=on", "a")},
	/* The second word is the value of the first, and no option. */
	{ROW("qemu\0-name\0-name\0b", "-name")},
	{ROW("qemu\0-name\0\x1b[2J\xff\n", "\x1b[2J\xff\n")},
	/* Without a name, or without an end. */
	{ROW("qemu", NULL)},
	{ROW("qemu\0-name", NULL)},
	{ROW("qemu\0-name\0", NULL)},
	{ROW("qemu\0-name\0guest=", NULL)},
	{ROW("qemu\0-name\0process=web", NULL)},
	{ROW("qemu\0-names\0web", NULL)},
	{ROW("", NULL)},
	{"qemu\0-name\0web", strlen("qemu") + 1 + strlen("-name") + 1 + strlen("web"), NULL},
	{"", 0, NULL},
};

static void names(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		const struct row *row = &rows[i];
		/* As long as it is, for what finds a byte too many that is read. */
		char *words = malloc(row->length ? row->length : 1);
		assert_non_null(words);
		memcpy(words, row->words, row->length);
		char *name = qemu_guest_name(words, row->length);
		print_message("%zu: %s\n", i, name ? name : "none");
		assert_int_equal(!name, !row->name);
		if (name)
			assert_string_equal(name, row->name);
		free(name);
		free(words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
