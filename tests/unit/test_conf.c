/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of qemu.conf. Each tests/unit/conf.d/NAME.conf is parsed under
 * its own name and must give NAME.expected, a text in the form that
 * tests/lib/conf-text.h says. Some of these files have carriage returns, NUL
 * bytes or no final newline on purpose.
 */
#include "../lib/conf-text.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static void test_case(void **state)
{
	const char *path = *state;
	const char *name = strrchr(path, '/') + 1;
	cleanup_free char *expected_path =
		xasprintf("%.*s.expected", (int)(strlen(path) - strlen(".conf")), path);
	cleanup_free char *printed = NULL;
	size_t length, expected_length, printed_length;
	cleanup_free char *text = read_bytes(path, &length);
	cleanup_free char *expected = read_bytes(expected_path, &expected_length);
	FILE *out = open_memstream(&printed, &printed_length);

	/* Exactly as long as the text, so that a sanitizer sees a byte read too far. */
	cleanup_free char *exact = xmalloc(length);
	memcpy(exact, text, length);
	print_parse(out, name, exact, length);
	fclose(out);
	if (printed_length != expected_length || memcmp(printed, expected, printed_length) != 0)
		fail_msg("\n%s%s: %.*s", printed, expected_path, (int)expected_length, expected);
}

static void test_first_of_duplicates(void **state)
{
	static const char text[] = "a = 1\nb = 2\na = 3\n";
	char *error = NULL;
	struct conf *conf = conf_parse("x", text, strlen(text), &error);

	(void)state;
	assert_non_null(conf);
	assert_int_equal(conf->n_entries, 3);
	assert_ptr_equal(conf_get(conf, "a"), &conf->entries[0]);
	assert_ptr_equal(conf_get(conf, "b"), &conf->entries[1]);
	assert_null(conf_get(conf, "A"));
	assert_null(conf_get(conf, ""));
	conf_free(conf);
	conf_free(NULL);
}

static void test_type_names(void **state)
{
	(void)state;
	assert_string_equal(conf_type_name(CONF_INTEGER), "an integer");
	assert_string_equal(conf_type_name(CONF_STRING), "a string");
	assert_string_equal(conf_type_name(CONF_LIST), "a list");
}

/* CONF_MAX_SIZE bytes: prefix, as many units as fit, suffix. */
static char *large_text(const char *prefix, const char *unit, const char *suffix, size_t *length)
{
	char *text = xmalloc(CONF_MAX_SIZE + 1);
	char *p = stpcpy(text, prefix);
	size_t n_unit = strlen(unit), n_suffix = strlen(suffix);

	while ((size_t)(p - text) + n_unit + n_suffix <= CONF_MAX_SIZE)
		p = stpcpy(p, unit);
	*length = (size_t)(stpcpy(p, suffix) - text);
	return text;
}

/*
 * Texts of the largest size that is read. One pass over each takes a blink,
 * anything quadratic would take hours: main() limits the processor time.
 */
static const struct large {
	const char *name;
	const char *prefix, *unit, *suffix;
	const char *error; /* NULL: accepted */
} larges[] = {
	{"10 MB: nested lists", "a = ", "[", "",
		"x:1:21: expected a value that is not a list: 16 lists are open"},
	{"10 MB: brackets without a name", "", "[", "",
		"x:1:1: expected the name of a setting, found \"[\""},
	{"10 MB: empty lists in a list", "a = [", "[              ],", "]", NULL},
	{"10 MB: small lists, open at the end", "a = [", "[[[1 ]    ] ], ", "",
		"x:1:5: expected ] at the end of this list"},
	{"10 MB: integers in a list", "a = [", "1234567890123456, ", "1]\n", NULL},
	{"10 MB: strings in a list", "a = [", "\"/dev/infiniband\", ", "]\n", NULL},
	{"10 MB: newlines in a list", "a = [", "\n", "]\n", NULL},
	{"10 MB: one key", "", "user = \"qemu\"\n", "", NULL},
	{"10 MB: statements on one line", "", "max_core=1000000;", "", NULL},
	{"10 MB: comments", "", "# comment\n", "", NULL},
	{"10 MB: one comment", "#", "x", "", NULL},
	{"10 MB: newlines", "", "\n", "", NULL},
	{"10 MB: one name", "", "a", " = 1", NULL},
	{"10 MB: one integer", "a = ", "0", "1", NULL},
	{"10 MB: one string", "a = \"", "x", "\"", NULL},
	{"10 MB: one open string", "a = \"", "x", "",
		"x:1:5: expected \" at the end of this string, on the same line"},
	{"10 MB: one triple-quoted string", "a = \"\"\"", "\"\" \n", "\"\"\"", NULL},
	{"10 MB: one open triple-quoted string", "a = \"\"\"", "\"\" \n", "",
		"x:1:5: expected \"\"\" at the end of this string"},
};

static void test_large(void **state)
{
	const struct large *large = *state;
	cleanup_free char *error = NULL;
	size_t length;
	cleanup_free char *text = large_text(large->prefix, large->unit, large->suffix, &length);
	struct conf *conf = conf_parse("x", text, length, &error);

	if (large->error) {
		assert_null(conf);
		assert_string_equal(error, large->error);
	} else {
		assert_non_null(conf);
		conf_free(conf);
	}
}

static uint64_t random_state;

/* xorshift64: the same bytes for the same seed on every C library. */
static unsigned char random_byte(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned char)(random_state >> 32);
}

/* Refused with a place, whatever stands first; zero is what stands for a NUL byte. */
static void check_random(char *text, uint64_t seed, char zero, const char *prefix)
{
	cleanup_free char *error = NULL;

	random_state = seed;
	for (size_t i = 0; i < CONF_MAX_SIZE; i++) {
		text[i] = (char)random_byte();
		text[i] = text[i] ? text[i] : zero;
	}
	memcpy(text, prefix, strlen(prefix));
	assert_null(conf_parse("x", text, CONF_MAX_SIZE, &error));
	assert_memory_equal(error, "x:", 2);
}

static void test_random_bytes(void **state)
{
	static const uint64_t seeds[] = {1, 42, 20240229};
	cleanup_free char *text = xmalloc(CONF_MAX_SIZE);

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		/* A NUL byte ends it all, so most go without. */
		check_random(text, seeds[i], '\0', "");
		check_random(text, seeds[i], 'x', "");
		check_random(text, seeds[i], 'x', "#");
		check_random(text, seeds[i], 'x', "a = \"\"\"");
		check_random(text, seeds[i], 'x', "a = [ 1, ");
	}
}

static void add_test(struct CMUnitTest **tests, size_t *n, struct CMUnitTest test)
{
	*tests = xreallocarray(*tests, *n + 1, sizeof(test));
	(*tests)[(*n)++] = test;
}

int main(void)
{
	const struct rlimit seconds = {120, 120};
	struct CMUnitTest *tests = NULL;
	size_t n = 0;
	glob_t files;

	setrlimit(RLIMIT_CPU, &seconds);
	if (glob("tests/unit/conf.d/*.conf", 0, NULL, &files) != 0)
		die("tests/unit/conf.d/*.conf: none here; run this at the root of the sources");
	for (size_t i = 0; i < files.gl_pathc; i++)
		add_test(&tests, &n,
			(struct CMUnitTest){
				.name = strrchr(files.gl_pathv[i], '/') + 1,
				.test_func = test_case,
				.initial_state = files.gl_pathv[i],
			});
	for (size_t i = 0; i < sizeof(larges) / sizeof(larges[0]); i++)
		add_test(&tests, &n,
			(struct CMUnitTest){
				.name = larges[i].name,
				.test_func = test_large,
				.initial_state = (void *)&larges[i],
			});
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_first_of_duplicates));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_type_names));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_random_bytes));
	int failed = _cmocka_run_group_tests("conf", tests, n, NULL, NULL);
	free(tests);
	globfree(&files);
	return failed;
}
