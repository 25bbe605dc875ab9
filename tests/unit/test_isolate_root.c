/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What mountinfo says of a VM's root directory, beside what was mounted. Real ones:
 * tests/run/isolate.bats. */
#include "base/array.h"
#include "base/cleanup.h"
#include "isolate/root_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LINE(point) "1 2 0:3 / " point " rw - tmpfs none rw\n"

/* The points that a mountinfo file has, and the message about them; NULL: they are right. */
static const struct {
	const char *text, *error;
} cases[] = {
	{LINE("/") LINE("/usr") LINE("/a"), NULL},
	{LINE("/a") LINE("/usr") LINE("/"), NULL},
	/* A file system below one that was mounted with all below it. */
	{LINE("/") LINE("/usr") LINE("/usr/local") LINE("/a"), NULL},
	{LINE("/") LINE("/usr"), "/a is not mounted in the VM's root directory"},
	{"", "/ is not mounted in the VM's root directory"},
	{LINE("/") LINE("/usr") LINE("/a") LINE("/b"),
		"/b is mounted in the VM's root directory, and was not asked for"},
	{LINE("/") LINE("/usr") LINE("/a") LINE("/usrlocal"),
		"/usrlocal is mounted in the VM's root directory, and was not asked for"},
	/* The old root directory, above or below the new one. */
	{LINE("/") LINE("/") LINE("/usr") LINE("/a"),
		"/ is mounted in the VM's root directory, and was not asked for"},
	/* One above another, which hides it. */
	{LINE("/") LINE("/usr") LINE("/a") LINE("/a"),
		"/a is mounted in the VM's root directory, and was not asked for"},
	{LINE("/") LINE("/usr") LINE("/a\\040b"),
		"/a b is mounted in the VM's root directory, and was not asked for"},
};

static void mounts_are_those_that_were_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cleanup_free char *error = NULL;
		struct root_mounts mounts = {0};
		root_mounts_add(&mounts, "/", 0);
		root_mounts_add(&mounts, "/usr", 0);
		root_mounts_add(&mounts, "/a", 0);
		bool good = root_check_text(&mounts, cases[i].text, &error);
		root_mounts_free(&mounts);
		if (good != !cases[i].error || (!good && strcmp(error, cases[i].error) != 0))
			fail_msg("case %zu: %s", i, good ? "taken" : error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(mounts_are_those_that_were_made)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
