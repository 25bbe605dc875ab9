/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the keys of a qemu.conf mean. Which file is read: tests/cli/conf-files.bats. */
#include "../lib/settings-text.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A file, and either its message behind "x:" or the lines that differ from the defaults. */
static const struct {
	const char *text;
	const char *error;
	const char *lines;
} cases[] = {
	{"", NULL, ""},
	{"# user = \"root\"\n", NULL, ""},
	{"unknown = [ 1 ]\nUSER = \"root\"\nusers = 1\n", NULL, ""},
	{"user = \"root\"\ngroup = \"root\"\n", NULL, "user root 1\ngroup root 2\n"},
	{"\n\ngroup='+107';user=\"\"\"107\"\"\"", NULL, "user 107 3\ngroup +107 3\n"},
	{"user =\t\"libvirt-qemu\"\n", NULL, "user libvirt-qemu 1\n"},
	{"max_core = 1\nuser = \"a\"\nuser = \"b\"\n", NULL, "user a 2\nmax_core 1 1\n"},
	{"user = \"a\"\nuser = 5\n", NULL, "user a 1\n"},
	{"user = 107\n", "1:8: user: expected a name or a number in quotes, found 107", NULL},
	{"\nuser = [ \"qemu\" ]\n",
		"2:8: user: expected a name or a number in quotes, found a list", NULL},
	{"group = -1\n", "1:9: group: expected a name or a number in quotes, found -1", NULL},
	{"user = \"\"\n", "1:8: user: \"\" cannot be a user or group: it is empty", NULL},
	{"group = ''\n", "1:9: group: \"\" cannot be a user or group: it is empty", NULL},
	{"user = \"+4294967295\"\n",
		"1:8: user: \"+4294967295\" cannot be a user or group: "
		"an id is a number from 0 to 4294967294",
		NULL},
	{"group = \"4294967295\"\n",
		"1:9: group: \"4294967295\" cannot be a user or group: "
		"an id is a number from 0 to 4294967294",
		NULL},
	{"user = \"-1\"\n",
		"1:8: user: \"-1\" cannot be a user or group: "
		"names and ids do not start with \"-\"",
		NULL},
	{"user = \"+ 107\"\n",
		"1:8: user: \"+ 107\" cannot be a user or group: "
		"\"+\" must be followed by a number",
		NULL},
	{"user = \"++107\"\n",
		"1:8: user: \"++107\" cannot be a user or group: "
		"\"+\" must be followed by a number",
		NULL},
	{"user = \"\"\"qemu\n\"\"\"\n",
		"1:8: user: \"qemu\n\" cannot be a user or group: "
		"names do not contain control characters",
		NULL},

	{"dynamic_ownership = 0\n", NULL, "dynamic_ownership 0 1\n"},
	{"dynamic_ownership = +1\n", NULL, "dynamic_ownership 1 1\n"},
	{"dynamic_ownership = 2\n", "1:21: dynamic_ownership: expected 0 or 1, found 2", NULL},
	{"dynamic_ownership = -1\n", "1:21: dynamic_ownership: expected 0 or 1, found -1", NULL},
	{"dynamic_ownership = 4294967296\n",
		"1:21: dynamic_ownership: expected 0 or 1, found 4294967296", NULL},
	{"remember_owner = 0\n", NULL, "remember_owner 0 1\n"},
	{"remember_owner = \"0\"\n",
		"1:18: remember_owner: expected 0 or 1, found the string \"0\"", NULL},
	{"clear_emulator_capabilities = 0\n", NULL, "clear_emulator_capabilities 0 1\n"},
	{"clear_emulator_capabilities = 1\n", NULL, "clear_emulator_capabilities 1 1\n"},
	{"clear_emulator_capabilities = \"invalid\"\n",
		"1:31: clear_emulator_capabilities: expected 0 or 1, found "
		"the string \"invalid\"",
		NULL},
	{"clear_emulator_capabilities = []\n",
		"1:31: clear_emulator_capabilities: expected 0 or 1, found a list", NULL},
	{"clear_emulator_capabilities = 1\nclear_emulator_capabilities = 0\n", NULL,
		"clear_emulator_capabilities 1 1\n"},

	{"seccomp_sandbox = -1\n", NULL, "seccomp_sandbox -1 1\n"},
	{"seccomp_sandbox = 0\n", NULL, "seccomp_sandbox 0 1\n"},
	{"seccomp_sandbox = 1\n", NULL, "seccomp_sandbox 1 1\n"},
	{"seccomp_sandbox = -2\n", "1:19: seccomp_sandbox: expected -1, 0 or 1, found -2", NULL},
	{"seccomp_sandbox = 2\n", "1:19: seccomp_sandbox: expected -1, 0 or 1, found 2", NULL},
	{"seccomp_sandbox = 4294967295\n",
		"1:19: seccomp_sandbox: expected -1, 0 or 1, found 4294967295", NULL},

	{"isolate_ids = \"70000:16\"\n", NULL, "isolate_ids 70000:16 1\n"},
	{"isolate_ids = \"65536:34464\"\n", NULL, "isolate_ids 65536:34464 1\n"},
	{"isolate_ids = 70000\n", "1:15: isolate_ids: expected FIRST:COUNT in quotes, found 70000",
		NULL},
	{"isolate_ids = \"65535:2\"\n",
		"1:15: isolate_ids: \"65535:2\" is not within the ids 65536 to 99999", NULL},
	{"isolate_ids = \"99999:2\"\n",
		"1:15: isolate_ids: \"99999:2\" is not within the ids 65536 to 99999", NULL},
	{"isolate_ids = \"90000:18446744073709551617\"\n",
		"1:15: isolate_ids: \"90000:18446744073709551617\" is not within the ids 65536 to "
		"99999",
		NULL},
	{"isolate_ids = \"90000:0\"\n",
		"1:15: isolate_ids: \"90000:0\" is not a range of ids: FIRST:COUNT, as in "
		"\"90000:8192\"",
		NULL},
	{"isolate_ids = \"90000:+16\"\n",
		"1:15: isolate_ids: \"90000:+16\" is not a range of ids: FIRST:COUNT, as in "
		"\"90000:8192\"",
		NULL},
	{"isolate_ids = \"90000\"\n",
		"1:15: isolate_ids: \"90000\" is not a range of ids: FIRST:COUNT, as in "
		"\"90000:8192\"",
		NULL},
	{"namespaces = [ ]\n", NULL, "namespaces none 1\n"},
	{"namespaces = [ \"mount\" ]\n", NULL, "namespaces some 1\n"},
	{"cgroup_device_acl = [ \"/dev/null\", \"/dev/kvm\" ]\n", NULL, "devices 2\n"},
	{"namespaces = 0\n", "1:14: namespaces: expected a list, found 0", NULL},

	{"max_core = 0\n", NULL, "max_core 0 1\n"},
	{"max_core = 9223372036854775807\n", NULL, "max_core 9223372036854775807 1\n"},
	{"max_core = \"unlimited\"\n", NULL, "max_core unlimited 1\n"},
	{"max_core = \"Unlimited\"\n",
		"1:12: max_core: expected a number of bytes or \"unlimited\", found "
		"the string \"Unlimited\"",
		NULL},
	{"max_core = \"1024\"\n",
		"1:12: max_core: expected a number of bytes or \"unlimited\", found "
		"the string \"1024\"",
		NULL},
	{"max_core = -1\n", "1:12: max_core: expected a number of bytes or \"unlimited\", found -1",
		NULL},
	{"max_core = [ 1 ]\n",
		"1:12: max_core: expected a number of bytes or \"unlimited\", found a list", NULL},

	{"max_processes = 0\nmax_files = 0\n", NULL, "max_processes unset 1\nmax_files unset 2\n"},
	{"max_processes = 4096\nmax_files = 4294967295\n", NULL,
		"max_processes 4096 1\nmax_files 4294967295 2\n"},
	{"max_processes = 4294967296\n",
		"1:17: max_processes: expected a number from 0 to 4294967295, found 4294967296",
		NULL},
	{"max_processes = -1\n",
		"1:17: max_processes: expected a number from 0 to 4294967295, found -1", NULL},
	{"max_files = \"unlimited\"\n",
		"1:13: max_files: expected a number from 0 to 4294967295, found "
		"the string \"unlimited\"",
		NULL},

	{"user = qemu\n",
		"1:8: expected a value (an integer, a string in quotes, a list in brackets), found "
		"\"q\"",
		NULL},
	/* A good beginning does not count where the rest can't be read. */
	{"user = \"root\"\n[\n", "2:1: expected the name of a setting, found \"[\"", NULL},
};

static char *settings_text(const struct settings *settings)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	print_settings(out, settings);
	fclose(out);
	return text;
}

/* The lines of text that are not those of the defaults; text is used up. */
static char *without_defaults(char *text)
{
	static const char defaults[] = "\nuser qemu 0\ngroup qemu 0\ndynamic_ownership 1 0\n"
				       "remember_owner 1 0\nclear_emulator_capabilities 1 0\n"
				       "seccomp_sandbox -1 0\nisolate_ids 90000:8192 0\n"
				       "namespaces some 0\ndevices 0\nmax_core unset 0\n"
				       "max_processes unset 0\nmax_files unset 0\n";
	char *rest = xstrdup("");

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		cleanup_free char *whole = xasprintf("\n%s\n", line);
		cleanup_free char *before = rest;
		rest = xasprintf("%s%s", before, strstr(defaults, whole) ? "" : whole + 1);
	}
	return rest;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct settings settings;
		const char *text = cases[i].text;
		cleanup_free char *error = NULL;
		bool good = settings_from_text(&settings, "x", text, strlen(text), &error);

		print_message("# %zu\n", i);
		if (cases[i].error) {
			cleanup_free char *expected = xasprintf("x:%s", cases[i].error);
			assert_false(good);
			assert_string_equal(error, expected);
			continue;
		}
		assert_true(good);
		assert_string_equal(settings.file, "x");
		cleanup_free char *printed = settings_text(&settings);
		cleanup_free char *rest = without_defaults(printed);
		assert_string_equal(rest, cases[i].lines);
		settings_free(&settings);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
