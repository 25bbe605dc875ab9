/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cleanup.h"
#include "base/idspec.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define RANGE "an id is a number from 0 to 4294967294"
#define PLUS "\"+\" must be followed by a number"
#define DASH "names and ids do not start with \"-\""
#define COLON "names do not contain \":\""
#define CONTROL "names do not contain control characters"

/* A spec, and either why it is refused or what it means. */
static const struct {
	const char *spec;
	const char *why;
	bool forced_numeric, numeric;
	uint32_t id;
} cases[] = {
	{"qemu", NULL, false, false, 0},
	{"root", NULL, false, false, 0},
	{"libvirt-qemu", NULL, false, false, 0},
	{"_chrony", NULL, false, false, 0},
	{"DOMAIN\\user name", NULL, false, false, 0},
	{"user@example.com", NULL, false, false, 0},
	{"caf\xc3\xa9", NULL, false, false, 0},
	{"107x", NULL, false, false, 0},
	{"0x6b", NULL, false, false, 0},
	{"1 07", NULL, false, false, 0},
	{"107+", NULL, false, false, 0},
	{"107", NULL, false, true, 107},
	{"0", NULL, false, true, 0},
	{"0000107", NULL, false, true, 107},
	{"4294967294", NULL, false, true, 4294967294},
	{"+107", NULL, true, true, 107},
	{"+0", NULL, true, true, 0},
	{"+010", NULL, true, true, 10},
	{"+4294967294", NULL, true, true, 4294967294},
	{"+00000000000000000000000000000000000000107", NULL, true, true, 107},
	{"", "it is empty", false, false, 0},
	{"4294967295", RANGE, false, false, 0},
	{"+4294967295", RANGE, false, false, 0},
	{"4294967296", RANGE, false, false, 0},
	{"+4294967403", RANGE, false, false, 0},	  /* 107 in 32 bits */
	{"18446744073709551723", RANGE, false, false, 0}, /* 107 in 64 bits */
	{"99999999999999999999999999999999999999999", RANGE, false, false, 0},
	{"+", PLUS, false, false, 0},
	{"++107", PLUS, false, false, 0},
	{"+-107", PLUS, false, false, 0},
	{"+ 107", PLUS, false, false, 0},
	{"+107 ", PLUS, false, false, 0},
	{"+0x6b", PLUS, false, false, 0},
	{"+qemu", PLUS, false, false, 0},
	{"-1", DASH, false, false, 0},
	{"-", DASH, false, false, 0},
	{"-qemu", DASH, false, false, 0},
	{"qemu:kvm", COLON, false, false, 0},
	{":", COLON, false, false, 0},
	{"qemu\n", CONTROL, false, false, 0},
	{"107\n", CONTROL, false, false, 0},
	{"qe\x1b[31mmu", CONTROL, false, false, 0},
	{"\tqemu", CONTROL, false, false, 0},
	{"\x7f", CONTROL, false, false, 0},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *spec = cases[i].spec;
		struct idspec out = {.id = 12345, .name = "untouched"};
		cleanup_free char *error = NULL;

		print_message("# %zu\n", i);
		assert_int_equal(idspec_parse(spec, &out, &error), cases[i].why == NULL);
		if (cases[i].why) {
			cleanup_free char *expected = xasprintf(
				"\"%s\" cannot be a user or group: %s", spec, cases[i].why);
			assert_string_equal(error, expected);
			assert_string_equal(out.name, "untouched");
			assert_int_equal(out.id, 12345);
			continue;
		}
		assert_null(error);
		assert_int_equal(out.forced_numeric, cases[i].forced_numeric);
		assert_int_equal(out.numeric, cases[i].numeric);
		assert_int_equal(out.id, cases[i].id);
		assert_ptr_equal(out.name, cases[i].forced_numeric ? NULL : spec);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("idspec", tests, NULL, NULL);
}
