/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every command line of tests/unit/qemuargs.d gives what stands below it; and whatever it is,
 * its words stay as they are, and each path in it can be replaced. To see what a change does:
 * qemuargs-dump --cases <FILE | diff FILE -
 *
 * With the name of another folder, the latter two of what is there.
 */
#include "../lib/qemuargs-text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *cases = "tests/unit/qemuargs.d";

static char *read_file(const char *path)
{
	cleanup_file FILE *in = fopen(path, "re");
	char *text = xcalloc(1, 1 << 23);

	assert_non_null(in);
	text[fread(text, 1, (1 << 23) - 1, in)] = '\0';
	return text;
}

static void show_difference(const char *path, const char *wanted, const char *found)
{
	unsigned line = 1;

	while (*wanted && *wanted == *found) {
		line += *wanted == '\n';
		wanted++;
		found++;
	}
	print_message("%s:%u: wanted ...%.*s\n", path, line, (int)strcspn(wanted, "\n"), wanted);
	print_message("%s:%u: found  ...%.*s\n", path, line, (int)strcspn(found, "\n"), found);
}

/* Calls tell for each case, and returns how many files have another result than they say. */
static size_t for_each_case(void (*tell)(void *, const struct qemuargs_case *), void *context)
{
	cleanup_dir DIR *dir = opendir(cases);
	const struct dirent *d;
	size_t different = 0;

	assert_non_null(dir);
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		cleanup_free char *path = xasprintf("%s/%s", cases, d->d_name);
		cleanup_free char *wanted = read_file(path);
		cleanup_free char *found = run_cases(wanted, tell, context);
		if (strcmp(wanted, found) != 0) {
			show_difference(path, wanted, found);
			different++;
		}
	}
	return different;
}

static void count(void *context, const struct qemuargs_case *c)
{
	(void)c;
	++*(size_t *)context;
}

static void test_cases(void **state)
{
	size_t n = 0;

	(void)state;
	assert_int_equal(for_each_case(count, &n), 0);
	print_message("# %zu command lines\n", n);
	assert_true(n >= 150);
}

static struct qemuargs *parse(const struct qemuargs_case *c)
{
	cleanup_free char *error = NULL;

	return qemuargs_parse(c->words, read_case_document, (void *)c, &error);
}

static char *name_unexpected(void *context, const char *path, const char *text)
{
	(void)context;
	(void)text;
	fail_msg("%s counts as changed", path);
	return xstrdup(path);
}

static void check_unchanged(void *context, const struct qemuargs_case *c)
{
	struct qemuargs *args = parse(c);
	size_t i = 0;

	++*(size_t *)context;
	if (!args)
		return;
	char **words = qemuargs_words(args, name_unexpected, NULL);
	for (; c->words[i] && words[i]; i++)
		assert_string_equal(words[i], c->words[i]);
	assert_ptr_equal(c->words[i], words[i]);
	free_words(words);
	qemuargs_free(args);
}

static void test_unchanged(void **state)
{
	size_t n = 0;

	(void)state;
	for_each_case(check_unchanged, &n);
	assert_true(n >= 150);
}

static char *keep_document(void *context, const char *path, const char *text)
{
	char **kept = context;

	free(*kept);
	*kept = xstrdup(text);
	return xstrdup(path);
}

static char *read_kept(void *context, const char *path, char **error)
{
	(void)path;
	(void)error;
	return xstrdup(*(char **)context);
}

/* The command line with another path for that resource, read again. */
static struct qemuargs *parse_replaced(
	const struct qemuargs_case *c, const struct qemuargs_resource *r, const char *path)
{
	cleanup_free char *document = c->n_texts ? xstrdup(c->texts[0]) : NULL;
	cleanup_free char *error = NULL;
	struct qemuargs *args = parse(c);

	qemuargs_set(args, r->option, r->key, path);
	const char *now = qemuargs_get(args, r->option, r->key);
	if (!now || strcmp(now, path) != 0)
		fail_msg("%s %s: %s of %s became %s", c->words[0], c->words[1], r->key, r->source,
			now);
	char **words = qemuargs_words(args, keep_document, &document);
	qemuargs_free(args);
	args = qemuargs_parse(words, read_kept, &document, &error);
	free_words(words);
	return args;
}

/* Whether the value of its key is a path, or ends with one, behind "file:". */
static bool has_path(const struct qemuargs *args, const struct qemuargs_resource *r)
{
	const char *value = qemuargs_get(args, r->option, r->key);

	return r->kind != RESOURCE_FD && r->kind != RESOURCE_PCI && value && r->path &&
	       strcmp(args->options[r->option].name, "readconfig") != 0 &&
	       strlen(value) >= strlen(r->path) &&
	       strcmp(value + strlen(value) - strlen(r->path), r->path) == 0;
}

/* Any name, if the option can have it: a "=" ends a key, of a UNIX socket's string, too. */
static const char *new_path(const struct qemuargs *args, const struct qemuargs_resource *r)
{
	return strcmp(args->options[r->option].name, "vnc") == 0 ? "/dev/re,placed"
								 : "/dev/re,pla=ced";
}

/* What else than the path of resource i is another. */
static const char *difference(const struct qemuargs *before, const struct qemuargs *after, size_t i)
{
	if (after->n_notices != before->n_notices)
		return "more is said, or less";
	for (size_t j = 0; j < before->n_notices; j++)
		if (strcmp(after->notices[j].reason, before->notices[j].reason) != 0)
			return "something else is said";
	if (after->n_resources != before->n_resources)
		return "there are more resources, or less";
	for (size_t j = 0; j < before->n_resources; j++) {
		const struct qemuargs_resource *a = &after->resources[j];
		const struct qemuargs_resource *b = &before->resources[j];
		const char *wanted = i == j ? new_path(before, b) : b->path;
		if (a->kind != b->kind || a->access != b->access)
			return "one is another kind of resource";
		if (wanted && (!a->path || strcmp(a->path, wanted) != 0))
			return "one has another path";
	}
	return NULL;
}

static void check_replaced(void *context, const struct qemuargs_case *c)
{
	struct qemuargs *before = parse(c);

	for (size_t i = 0; before && i < before->n_notices; i++) {
		const struct qemuargs_notice *n = &before->notices[i];
		if (n->key && strchr(n->key, ':'))
			assert_non_null(qemuargs_get(before, n->option, n->key));
	}
	for (size_t i = 0; before && i < before->n_resources; i++) {
		const struct qemuargs_resource *r = &before->resources[i];
		/* A key that leads into a file name leads somewhere. */
		if (r->key && strchr(r->key, ':'))
			assert_non_null(qemuargs_get(before, r->option, r->key));
		if (!has_path(before, r))
			continue;
		struct qemuargs *after = parse_replaced(c, r, new_path(before, r));
		const char *different = after ? difference(before, after, i) : "an error";
		if (different)
			fail_msg("%s %s...: with another %s, %s", c->words[0], c->words[1], r->path,
				different);
		qemuargs_free(after);
		++*(size_t *)context;
	}
	qemuargs_free(before);
}

static void test_replaced(void **state)
{
	size_t n = 0;

	(void)state;
	for_each_case(check_replaced, &n);
	print_message("# %zu paths replaced\n", n);
	assert_true(n >= 150);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_cases),
	};
	const struct CMUnitTest others[] = {tests[0], tests[1]};

	log_init("test_qemuargs", 1);
	if (argc < 2)
		return cmocka_run_group_tests(tests, NULL, NULL);
	cases = argv[1];
	return cmocka_run_group_tests(others, NULL, NULL);
}
