/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The editor of qemu.conf.
 *
 * Each tests/unit/confedit.d/NAME.before must become NAME.after by the edit that NAME.edit
 * names. And each text of tests/unit/conf.d that can be read is edited in every way: nothing
 * but the one statement may change, and what can be undone gives the same bytes again.
 */
#include "../lib/confedit-text.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct conf *parse(const struct conftext *text)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse("x", text->bytes, text->length, &error);

	if (!conf)
		fail_msg("%s in:\n%s", error, text->bytes);
	return conf;
}

static void assert_same(const struct conftext *a, const struct conftext *b)
{
	if (a->length != b->length || memcmp(a->bytes, b->bytes, a->length) != 0)
		fail_msg("\n%.*s<\n--- expected:\n%.*s<", (int)a->length, a->bytes, (int)b->length,
			b->bytes);
}

/* In copies of exactly their size, so that a sanitizer sees a byte too far. */
static struct conftext copy(const struct conftext *text)
{
	return conftext_new(text->bytes, text->length);
}

static struct conftext read_text(const char *path)
{
	size_t length;
	cleanup_free char *bytes = read_bytes(path, &length);

	return conftext_new(bytes, length);
}

static void test_case(void **state)
{
	const char *path = *state;
	int stem = (int)(strlen(path) - strlen(".before"));
	cleanup_free char *edit_path = xasprintf("%.*s.edit", stem, path);
	cleanup_free char *after_path = xasprintf("%.*s.after", stem, path);
	struct conftext text = read_text(path);
	struct conftext before = copy(&text);
	struct conftext after = read_text(after_path);
	struct conftext edit = read_text(edit_path);

	edit.bytes[strcspn(edit.bytes, "\n")] = '\0';
	char *rest = edit.bytes;
	const char *what = strsep(&rest, " ");
	const char *key = strsep(&rest, " ");
	apply_edit(&text, what, key, rest);
	assert_same(&text, &after);
	if (strcmp(what, "revert") == 0) {
		apply_edit(&text, "restore", NULL, NULL);
		assert_same(&text, &before);
	}
	conftext_free(&text);
	conftext_free(&before);
	conftext_free(&after);
	conftext_free(&edit);
}

/* How many bytes the texts have in common, at their starts and, behind those, at their ends. */
static size_t common(const struct conftext *a, const struct conftext *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	size_t begin = 0, end = 0;

	while (begin < shorter && a->bytes[begin] == b->bytes[begin])
		begin++;
	while (end < shorter - begin &&
		a->bytes[a->length - 1 - end] == b->bytes[b->length - 1 - end])
		end++;
	return begin + end;
}

static void assert_only_change(const struct conftext *before, const struct conftext *after,
	const char *key, const char *literal)
{
	struct conf *a = parse(before);
	struct conf *b = parse(after);

	if (!confedit_is_only_change(a, b, key, literal))
		fail_msg(
			"more than %s has changed:\n%s\n---\n%s", key, before->bytes, after->bytes);
	conf_free(a);
	conf_free(b);
}

/* A key that the text does not set: the new line is all that is new, and goes again. */
static void check_new_key(const struct conftext *original)
{
	static const char line[] = "new_key = \"a\"";
	struct conftext text = copy(original);

	apply_edit(&text, "set", "new_key", "\"a\"");
	assert_only_change(original, &text, "new_key", "\"a\"");
	assert_int_equal(common(original, &text), original->length);
	size_t more = text.length - original->length;
	assert_true(more == strlen(line) + 1 || more == strlen(line) + 2);
	apply_edit(&text, "unset", "new_key", NULL);
	assert_same(&text, original);
	conftext_free(&text);
}

/* A key that it does set, the nth: another value, none, and one again. */
static void check_key(const struct conftext *original, const struct conf *conf, size_t nth)
{
	const struct conf_entry *entry = &conf->entries[nth];
	bool is_first = conf_get(conf, entry->key) == entry;
	struct conftext text = copy(original);

	if (is_first) {
		apply_edit(&text, "set", entry->key, "4711");
		assert_only_change(original, &text, entry->key, "4711");
		/* All before the value and all behind it. */
		assert_memory_equal(text.bytes, original->bytes, entry->begin + strlen(entry->key));
		size_t behind = original->length - entry->end;
		assert_memory_equal(
			text.bytes + text.length - behind, original->bytes + entry->end, behind);
	}
	apply_edit(&text, "unset", entry->key, NULL);
	assert_only_change(original, &text, entry->key, NULL);
	assert_true(text.length < original->length);
	apply_edit(&text, "set", entry->key, "\"a b\"");
	assert_only_change(original, &text, entry->key, "\"a b\"");
	apply_edit(&text, "unset", entry->key, NULL);
	assert_only_change(original, &text, entry->key, NULL);
	conftext_free(&text);
}

static void check_block(const struct conftext *original)
{
	struct conftext text = copy(original);

	apply_edit(&text, "revert", NULL, NULL);
	struct conf *conf = parse(&text);
	assert_true(confedit_has_value(conf, "user", "\"root\""));
	assert_true(confedit_has_value(conf, "group", "\"root\""));
	assert_int_equal(common(original, &text), original->length);
	conf_free(conf);
	apply_edit(&text, "restore", NULL, NULL);
	assert_same(&text, original);
	conftext_free(&text);
}

static void test_corpus(void **state)
{
	const char *path = *state;
	cleanup_free char *error = NULL;
	struct conftext text = read_text(path);
	struct conf *conf = conf_parse("x", text.bytes, text.length, &error);

	if (conf) {
		check_new_key(&text);
		check_block(&text);
		for (size_t i = 0; i < conf->n_entries; i++)
			check_key(&text, conf, i);
	}
	conf_free(conf);
	conftext_free(&text);
}

/* A block that was touched is not taken for one. */
static void test_edited_block(void **state)
{
	struct conftext block = conftext_new("a = 1\n", 6);

	(void)state;
	apply_edit(&block, "revert", NULL, NULL);
	for (size_t i = 6; i < block.length; i++) {
		struct conftext text = copy(&block);
		text.bytes[i] = text.bytes[i] == '\n' ? ' ' : text.bytes[i] == '#' ? '#' : 'x';
		cleanup_free char *error = NULL;
		struct conf *conf = conf_parse("x", text.bytes, text.length, &error);
		if (conf && text.bytes[i] != block.bytes[i]) {
			enum confblock_state found =
				confblock_find(&text, conf, CONFBLOCK_ROOT).state;
			/* Behind the first line it is known for what it was. The last end may go.
			 */
			bool in_first = memchr(block.bytes + 6, '\n', i - 6) == NULL;
			if (i < block.length - 1)
				assert_int_equal(
					found, in_first ? CONFBLOCK_ABSENT : CONFBLOCK_EDITED);
		}
		conf_free(conf);
		conftext_free(&text);
	}
	conftext_free(&block);
}

static void add_tests(
	struct CMUnitTest **tests, size_t *n, const char *pattern, CMUnitTestFunction function)
{
	glob_t files;

	if (glob(pattern, 0, NULL, &files) != 0)
		die("%s: none here; run this at the root of the sources", pattern);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		*tests = xreallocarray(*tests, *n + 1, sizeof(**tests));
		char *path = xstrdup(files.gl_pathv[i]);
		(*tests)[(*n)++] = (struct CMUnitTest){.name = strrchr(path, '/') + 1,
			.test_func = function,
			.initial_state = path};
	}
	globfree(&files);
}

int main(void)
{
	struct CMUnitTest *tests = NULL;
	size_t n = 0;

	add_tests(&tests, &n, "tests/unit/confedit.d/*.before", test_case);
	add_tests(&tests, &n, "tests/unit/confedit.d/*.before", test_corpus);
	add_tests(&tests, &n, "tests/unit/conf.d/*.conf", test_corpus);
	tests = xreallocarray(tests, n + 1, sizeof(*tests));
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(test_edited_block);
	int failed = _cmocka_run_group_tests("confedit", tests, n, NULL, NULL);
	for (size_t i = 0; i + 1 < n; i++)
		free(tests[i].initial_state);
	free(tests);
	return failed;
}
