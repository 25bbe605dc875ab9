/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of qemu.conf: which one was meant, and what libvirt takes for it. */
#include "base/cleanup.h"
#include "base/log.h"
#include "conf/confvalue.h"

/* For its list of keys, which nothing else needs as a whole. */
#include "conf/confkeys.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* What may take a letter's place. All of them would take minutes and prove no more. */
static const char letters[] = "aeglqtz_09A";

static unsigned long n_tried;

static void check_meant(const char *misspelled, const struct confkey *key)
{
	/* Another key's name is no misspelling. */
	if (confkey_find(misspelled))
		return;
	const struct confkey *nearest = confkey_nearest(misspelled);
	if (nearest != key)
		fail_msg("%s: %s was meant, not %s", misspelled, key->name,
			nearest ? nearest->name : "none");
	n_tried++;
}

static void misspell(const struct confkey *key)
{
	size_t n = strlen(key->name);

	for (size_t i = 0; i <= n; i++) {
		cleanup_free char *text = xasprintf("%.*s?%s", (int)i, key->name, key->name + i);
		for (const char *letter = letters; *letter; letter++) {
			text[i] = *letter;
			check_meant(text, key);
		}
		if (i == n)
			break;
		cleanup_free char *shorter =
			xasprintf("%.*s%s", (int)i, key->name, key->name + i + 1);
		check_meant(shorter, key);
		cleanup_free char *other = xstrdup(key->name);
		for (const char *letter = letters; *letter; letter++) {
			other[i] = *letter;
			check_meant(other, key);
		}
		if (i + 1 < n) {
			cleanup_free char *swapped = xstrdup(key->name);
			swapped[i] = key->name[i + 1];
			swapped[i + 1] = key->name[i];
			check_meant(swapped, key);
		}
	}
}

static void test_misspelled(void **state)
{
	(void)state;
	for (const struct confkey *key = keys; key->name; key++)
		misspell(key);
	print_message("# %lu names misspelled by one letter\n", n_tried);
	assert_true(n_tried > 30000);
}

static void test_resembles_none(void **state)
{
	(void)state;
	assert_null(confkey_nearest(""));
	assert_null(confkey_nearest("zzzzzzzzzzzz"));
	assert_null(confkey_nearest("x"));
	cleanup_free char *long_name = xmalloc(100001);
	memset(long_name, 'a', 100000);
	long_name[100000] = '\0';
	assert_null(confkey_nearest(long_name));
	assert_string_equal(confkey_nearest("USER")->name, "user");
	assert_string_equal(confkey_nearest("dynamic-ownership")->name, "dynamic_ownership");
}

static void test_no_name_twice(void **state)
{
	(void)state;
	for (const struct confkey *key = keys; key->name; key++)
		assert_ptr_equal(confkey_find(key->name), key);
}

#define A_SIZE "expected a number of bytes, or a number with a unit in quotes: \"10GiB\""

/* A word of the command line, and the literal, or the end of the message. */
static const struct {
	const char *key, *word, *literal, *error;
} words[] = {
	{"user", "qemu", "\"qemu\"", NULL},
	{"user", "107", "\"107\"", NULL},
	{"user", "+107", "\"+107\"", NULL},
	{"user", "", NULL, "it is empty"},
	{"user", "a:b", NULL, "names do not contain \":\""},
	{"user", "4294967295", NULL, "an id is a number from 0 to 4294967294"},
	{"user", "a\nb", NULL, "it contains a line break or another control character"},
	{"group", "kvm", "\"kvm\"", NULL},
	{"group", "-1", NULL, "names and ids do not start with \"-\""},
	{"swtpm_user", "tss", "\"tss\"", NULL},
	{"dynamic_ownership", "0", "0", NULL},
	{"dynamic_ownership", "+1", "1", NULL},
	{"dynamic_ownership", "yes", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "\"1\"", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "2", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "1; user = \"root\"", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "1\nuser = \"root\"", NULL, "expected 0 or 1"},
	{"dynamic_ownership", "1 # x", NULL, "expected 0 or 1"},
	{"seccomp_sandbox", "-1", "-1", NULL},
	{"seccomp_sandbox", "-2", NULL, "expected -1, 0 or 1, found -2"},
	{"keepalive_interval", "-1", "-1", NULL},
	{"keepalive_interval", "2147483648", NULL,
		"expected a number from -2147483648 to 2147483647"},
	{"max_files", "4294967295", "4294967295", NULL},
	{"max_files", "4294967296", NULL, "expected a number from 0 to 4294967295"},
	{"max_files", "99999999999999999999", NULL, "expected a number from 0 to 4294967295"},
	{"max_files", "-1", NULL, "expected a number from 0 to 4294967295"},
	{"max_core", "unlimited", "\"unlimited\"", NULL},
	{"max_core", "1073741824", "1073741824", NULL},
	{"max_core", "1G", NULL, "expected a number of bytes or \"unlimited\""},
	{"auto_dump_max_size", "0", "0", NULL},
	{"auto_dump_max_size", "10737418240", "10737418240", NULL},
	{"auto_dump_max_size", "10GiB", "\"10GiB\"", NULL},
	{"auto_dump_max_size", "10gb", "\"10gb\"", NULL},
	{"auto_dump_max_size", "010K", "\"010K\"", NULL},
	{"auto_dump_max_size", "10bytes", "\"10bytes\"", NULL},
	{"auto_dump_max_size", "15EiB", "\"15EiB\"", NULL},
	{"auto_dump_max_size", "16EiB", NULL, A_SIZE},
	{"auto_dump_max_size", "18EB", "\"18EB\"", NULL},
	{"auto_dump_max_size", "19EB", NULL, A_SIZE},
	{"auto_dump_max_size", "18446744073709551615b", "\"18446744073709551615b\"", NULL},
	{"auto_dump_max_size", "18446744073709551616b", NULL, A_SIZE},
	{"auto_dump_max_size", "18446744073709551616k", NULL, A_SIZE},
	{"auto_dump_max_size", "10 GiB", NULL, A_SIZE},
	{"auto_dump_max_size", "10Gi", NULL, A_SIZE},
	{"auto_dump_max_size", "10GiBs", NULL, A_SIZE},
	{"auto_dump_max_size", "10Z", NULL, A_SIZE},
	{"auto_dump_max_size", "10bit", NULL, A_SIZE},
	{"auto_dump_max_size", "1.5G", NULL, A_SIZE},
	{"auto_dump_max_size", "0x10k", NULL, A_SIZE},
	{"auto_dump_max_size", "GiB", NULL, A_SIZE},
	{"auto_dump_max_size", "-1", NULL, A_SIZE},
	{"auto_dump_max_size", "", NULL, A_SIZE},
	{"auto_dump_max_size", "unlimited", NULL, A_SIZE},
	{"auto_dump_max_size", "[ \"10\" ]", NULL, A_SIZE},
	{"backup_port_min", "10809", "10809", NULL},
	{"backup_port_max", "-1", NULL, "expected a number from 0 to 4294967295"},
	{"qemu_vnc", "qemu-vnc", "\"qemu-vnc\"", NULL},
	{"namespaces", "[]", "[ ]", NULL},
	{"namespaces", "[\"mount\",'pid',]", "[ \"mount\", \"pid\" ]", NULL},
	{"namespaces", "mount", NULL, "expected a list of strings in brackets"},
	{"namespaces", "[ 1 ]", NULL, "expected a list of strings in brackets"},
	{"security_driver", "none", "\"none\"", NULL},
	{"security_driver", "[ \"selinux\" ]", "[ \"selinux\" ]", NULL},
	{"security_driver", "[ 1 ]", NULL,
		"expected a string in quotes, or a list of strings in brackets"},
	{"vnc_password", "it's", "\"it's\"", NULL},
	{"vnc_password", "a\"b", "'a\"b'", NULL},
	{"vnc_password", "a\"'b", "\"\"\"a\"'b\"\"\"", NULL},
	{"vnc_password", "'b\"", NULL,
		"it contains both kinds of quotes, and the syntax has no escapes"},
	{"vnc_password", "a\\b", "\"a\\b\"", NULL},
	{"vnc_password", "", "\"\"", NULL},
	{"vnc_listen", "[::1]", "\"[::1]\"", NULL},
	/* Of a key that is not known. */
	{"some_new_key", "1", "1", NULL},
	{"some_new_key", "[ 1, [ \"a\" ] ]", "[ 1, [ \"a\" ] ]", NULL},
	{"some_new_key", "1; user = \"root\"", NULL, "trailing characters after the value"},
	{"some_new_key", "1 # x", NULL, "trailing characters after the value"},
	{"some_new_key", "word", NULL, "found \"w\""},
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		cleanup_free char *error = NULL;
		cleanup_free char *literal = confvalue_from_word(
			words[i].key, confkey_find(words[i].key), words[i].word, &error);
		print_message("# %s %s\n", words[i].key, words[i].word);
		if (words[i].literal) {
			assert_non_null(literal);
			assert_string_equal(literal, words[i].literal);
		} else {
			assert_null(literal);
			if (!ends_with(error, words[i].error))
				fail_msg("%s", error);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misspelled),
		cmocka_unit_test(test_resembles_none),
		cmocka_unit_test(test_no_name_twice),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("confkeys", tests, NULL, NULL);
}
