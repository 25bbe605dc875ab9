/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said of a file system by its type. */
#include "path/fstype.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void each_type_has_its_facts(void **state)
{
	static const struct {
		const char *type;
		bool is_cached, is_own, may_hang;
	} cases[] = {
		{"ext4", true, true, false},
		{"tmpfs", true, true, false},
		{"overlay", true, false, false},
		{"fuse", true, false, true},
		{"fuse.sshfs", true, false, true},
		{"fuseblk", true, false, true},
		{"fusectl", true, true, false},
		{"virtiofs", true, false, true},
		{"autofs", true, false, true},
		{"nfs", false, false, true},
		{"nfs4", false, false, true},
		{"nfsd", true, true, false},
		{"9p", false, false, true},
		{"smb3", false, false, true},
		{"beegfs_nodev", false, false, true},
		{"ext", false, false, false},
		{"ext42", false, false, false},
		{"newfs", false, false, false},
		{"", false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t length = strlen(cases[i].type);
		if (fstype_is_cached(cases[i].type, length) != cases[i].is_cached ||
			fstype_is_own(cases[i].type, length) != cases[i].is_own ||
			fstype_may_hang(cases[i].type) != cases[i].may_hang)
			fail_msg("%s", cases[i].type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_type_has_its_facts)};

	return cmocka_run_group_tests_name("fstype", tests, NULL, NULL);
}
