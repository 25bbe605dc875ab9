/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of domain XMLs. Each tests/unit/domain.d/NAME.xml is parsed under
 * its own name and must give NAME.expected, a text in the form that
 * tests/lib/domain-text.h says. Where the expected text ends with "*", the rest
 * is not looked at: libxml2's own words differ between its versions. Some of
 * these files are not well-formed, or have NUL bytes, on purpose.
 */
#include "../lib/domain-text.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

static bool matches(const char *printed, size_t length, const char *expected, size_t n)
{
	if (n >= 2 && memcmp(expected + n - 2, "*\n", 2) == 0)
		return length >= n - 2 && memcmp(printed, expected, n - 2) == 0;
	return length == n && memcmp(printed, expected, n) == 0;
}

static void test_case(void **state)
{
	const char *path = *state;
	const char *name = strrchr(path, '/') + 1;
	cleanup_free char *expected_path =
		xasprintf("%.*s.expected", (int)(strlen(path) - strlen(".xml")), path);
	cleanup_free char *printed = NULL;
	size_t length, expected_length, printed_length;
	cleanup_free char *text = read_domain(path, &length);
	cleanup_free char *expected = read_domain(expected_path, &expected_length);
	FILE *out = open_memstream(&printed, &printed_length);

	/* Exactly as long as the text, so that a sanitizer sees a byte read too far. */
	cleanup_free char *exact = xmalloc(length);
	memcpy(exact, text, length);
	print_domain(out, name, exact, length);
	fclose(out);
	if (!matches(printed, printed_length, expected, expected_length))
		fail_msg("\n%s%s: %.*s", printed, expected_path, (int)expected_length, expected);
}

/* Each shorter text is refused with a place, wherever it ends. */
static void test_every_truncation(void **state)
{
	size_t length;
	cleanup_free char *text = read_domain("tests/unit/domain.d/everything.xml", &length);

	(void)state;
	while (text[length - 1] == '\n')
		length--;
	for (size_t i = 0; i < length; i++) {
		cleanup_free char *exact = xmalloc(i + !i);
		char *error = NULL;
		memcpy(exact, text, i);
		assert_null(domain_parse("x", exact, i, &error));
		assert_memory_equal(error, "x:", 2);
		free(error);
	}
}

/* Each byte replaced by others that mean something: accepted or refused, never worse. */
static void test_every_byte_replaced(void **state)
{
	static const char others[] = {
		'\0', '<', '>', '&', '"', '\'', '=', ' ', '/', '\x80', '\xff'};
	size_t length;
	cleanup_free char *text = read_domain("tests/unit/domain.d/everything.xml", &length);

	(void)state;
	for (size_t i = 0; i < length; i++) {
		for (size_t k = 0; k < sizeof(others); k++) {
			char *error = NULL, kept = text[i];
			text[i] = others[k];
			struct domain *domain = domain_parse("x", text, length, &error);
			assert_true(!domain == !!error);
			domain_free(domain);
			free(error);
			text[i] = kept;
		}
	}
}

/*
 * Texts of about the largest size that is read: prefix, as many units as fit, suffix.
 * Anything quadratic would take hours: main() limits the processor time.
 */
static const struct large {
	const char *name;
	const char *prefix, *unit, *suffix;
	const char *error; /* its start; NULL: accepted */
} larges[] = {
	{"10 MB: open elements", "<domain>", "<a>", "", "x:1: not well-formed XML: "},
	{"10 MB: empty elements", "<domain>", "<a/>", "</domain>", NULL},
	{"10 MB: attributes", "<domain", " a=''", "/>",
		"x:1: an element has more than 256 attributes"},
	{"10 MB: elements with 8 attributes", "<domain>",
		"<a b='' c='' d='' e='' f='' g='' h='' i=''/>", "</domain>", NULL},
	{"10 MB: one attribute", "<domain a='", "x", "'/>", "x:1: not well-formed XML: "},
	{"10 MB: one name", "<", "a", "/>", "x:1: not well-formed XML: "},
	{"10 MB: disks", "<domain><devices>", "<disk><source file='/a'/></disk>",
		"</devices></domain>", NULL},
	{"10 MB: seclabels", "<domain>", "<seclabel model='dac2'/>", "</domain>", NULL},
	{"10 MB: newlines", "<domain>", "\n<a/>", "</domain>", NULL},
	{"10 MB: comments", "<domain/>", "<!--x\n-->", "", NULL},
	{"10 MB: open tags", "", "<", "", "x:1: not well-formed XML: "},
	{"10 MB: character references", "<domain><os><kernel>/", "&#65;", "</kernel></os></domain>",
		NULL},
};

static char *large_text(const struct large *large, size_t *length)
{
	char *text = xmalloc(DOMAIN_MAX_SIZE + 1);
	char *p = stpcpy(text, large->prefix);
	size_t n_unit = strlen(large->unit), n_suffix = strlen(large->suffix);

	while ((size_t)(p - text) + n_unit + n_suffix <= DOMAIN_MAX_SIZE)
		p = stpcpy(p, large->unit);
	*length = (size_t)(stpcpy(p, large->suffix) - text);
	return text;
}

static void test_large(void **state)
{
	const struct large *large = *state;
	cleanup_free char *error = NULL;
	size_t length;
	cleanup_free char *text = large_text(large, &length);
	struct domain *domain = domain_parse("x", text, length, &error);

	if (large->error) {
		assert_null(domain);
		if (strncmp(error, large->error, strlen(large->error)) != 0)
			fail_msg("%s", error);
	} else {
		if (!domain)
			fail_msg("%s", error);
		domain_free(domain);
	}
}

static void test_too_large(void **state)
{
	cleanup_free char *text = xmalloc(DOMAIN_MAX_SIZE + 1);
	cleanup_free char *error = NULL;

	(void)state;
	memset(text, ' ', DOMAIN_MAX_SIZE + 1);
	/* A single run of blanks of that size would be too much for libxml2. */
	for (size_t i = 0; i < DOMAIN_MAX_SIZE - 16; i += 16)
		memcpy(text + i, i ? "<!---->" : "<domain/>", i ? 7 : 9);
	assert_null(domain_parse("x", text, DOMAIN_MAX_SIZE + 1, &error));
	assert_string_equal(error, "x:1: larger than 10485760 bytes");
	free(steal_pointer(&error));
	struct domain *domain = domain_parse("x", text, DOMAIN_MAX_SIZE, &error);
	assert_non_null(domain);
	assert_int_equal(domain->requests.n, 0);
	domain_free(domain);
	domain_free(NULL);
}

/* libvirt's bound of a label is one byte below 4097. */
static void test_longest_label(void **state)
{
	(void)state;
	for (int longer = 0; longer <= 1; longer++) {
		cleanup_free char *user = xmalloc(5000), *error = NULL;
		memset(user, 'u', 5000);
		cleanup_free char *text =
			xasprintf("<domain><seclabel type='static' model='dac'><label>%.*s:g"
				  "</label></seclabel></domain>",
				4094 + longer, user);
		struct domain *domain = domain_parse("x", text, strlen(text), &error);
		assert_true(longer ? !domain : !!domain);
		domain_free(domain);
	}
}

static void test_kind_names(void **state)
{
	static const char *const names[] = {
		"disk", "backing", "nvram", "kernel", "initrd", "dtb", "loader"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(resource_kind_name((enum resource_kind)i), names[i]);
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
	if (glob("tests/unit/domain.d/*.xml", 0, NULL, &files) != 0)
		die("tests/unit/domain.d/*.xml: none here; run this at the root of the sources");
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
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_too_large));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_every_truncation));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_every_byte_replaced));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_longest_label));
	add_test(&tests, &n, (struct CMUnitTest)cmocka_unit_test(test_kind_names));
	int failed = _cmocka_run_group_tests("domain", tests, n, NULL, NULL);
	free(tests);
	globfree(&files);
	return failed;
}
