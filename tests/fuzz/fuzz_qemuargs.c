/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reader of QEMU's command lines. The input is a word on each line; behind a form feed
 * stands the text of every file that -readconfig names.
 */
#include "fuzz.h"
#include "qemu/args.h"
#include "qemu/uses.h"

static char *read_document(void *context, const char *path, char **error)
{
	const char *text = context;

	if (text && *path)
		return xstrdup(text);
	*error = xasprintf("cannot reach %s", path);
	return NULL;
}

/* A changed file, as it is kept for the next reading. */
static char *document;

static char *name_document(void *context, const char *path, const char *text)
{
	(void)context, (void)path;
	free(document);
	document = xstrdup(text);
	return xstrdup("changed");
}

static void free_words(char **words)
{
	for (char **w = words; *w; w++)
		free(*w);
	free(words);
}

static char **split(char *text)
{
	char **words = xcalloc(1, sizeof *words);
	size_t n = 0;

	for (char *word; (word = strsep(&text, "\n")) != NULL && n < 256;) {
		words = xreallocarray(words, n + 2, sizeof *words);
		words[n++] = xstrdup(word);
		words[n] = NULL;
	}
	return words;
}

static bool is_path(const char *path, const char *wanted)
{
	return path && strcmp(path, wanted) == 0;
}

static bool is_refused(const struct qemuargs *args, const char *path)
{
	for (size_t i = 0; i < args->n_notices; i++)
		if (args->notices[i].is_refusal && is_path(args->notices[i].path, path))
			return true;
	return false;
}

static bool has_path(const struct qemuargs *args, const char *path)
{
	bool found = false;

	for (size_t i = 0; i < args->n_resources; i++)
		found |= is_path(args->resources[i].path, path);
	for (size_t i = 0; i < args->n_notices; i++)
		found |= is_path(args->notices[i].path, path);
	return found;
}

/* Puts a descriptor in the place of a file, as virt-priv-run does: it is read back there. */
static void replace(char *const *words, char *text, size_t i)
{
	static const char path[] = "/proc/self/fd/4711";
	cleanup_free char *error = NULL;
	struct qemuargs *args = qemuargs_parse(words, read_document, text, &error);
	const struct qemuargs_resource *r = &args->resources[i];
	enum resource_kind kind = r->kind;

	check(args && !is_refused(args, path));
	bool replaces = r->key && (kind == RESOURCE_DISK || kind == RESOURCE_BACKING ||
					  kind == RESOURCE_NVRAM || kind == RESOURCE_FILE);
	if (replaces) {
		qemuargs_set(args, r->option, r->key, path);
		const char *got = qemuargs_get(args, r->option, r->key);
		check(got && strcmp(got, path) == 0);
	}
	char **changed = qemuargs_words(args, name_document, NULL);
	if (replaces) {
		cleanup_free char *why = NULL;
		cleanup_free char *again = xstrdup(document ? document : text ? text : "");
		struct qemuargs *back = qemuargs_parse(changed, read_document, again, &why);
		/* A duplicate, or what refers to it, may still be wrong in another way. */
		check(!back || has_path(back, path) || has_path(back, "4711"));
		qemuargs_free(back);
	}
	free(document);
	document = NULL;
	free_words(changed);
	qemuargs_free(args);
}

static void check_resource(const struct qemuargs *args, size_t i)
{
	const struct qemuargs_resource *r = &args->resources[i];

	check(resource_kind_name(r->kind) && r->source && r->option < args->n_options);
	check((r->kind != RESOURCE_DISK && r->kind != RESOURCE_BACKING &&
		      r->kind != RESOURCE_NVRAM) ||
		(r->path && r->image_key && r->image_option < args->n_options));
	bool has_net = r->kind == RESOURCE_TAP || r->kind == RESOURCE_BRIDGE;
	check(!has_net || (qemuargs_net(args, i) && qemuargs_net(args, i)->queues > 0));
}

/* In order, so that they can be told where they belong. */
static void check_notice(const struct qemuargs *args, size_t i)
{
	const struct qemuargs_notice *n = &args->notices[i];

	check(n->reason && n->source && n->option < args->n_options);
	check(n->before <= args->n_resources && (i == 0 || n[-1].before <= n->before));
}

/* What an isolated VM would have to be shown. */
static void check_uses(const struct qemuargs *args)
{
	size_t n;
	struct qemu_use *uses = qemu_uses(args, &n);

	for (size_t i = 0; i < n; i++)
		check(uses[i].option < args->n_options && (uses[i].path || uses[i].instead));
	qemu_uses_free(uses, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *lines = fuzz_part(&data, &size, '\f');
	cleanup_free char *text = fuzz_string(data, size);
	cleanup_free char *error = NULL;
	char **words = split(lines);
	struct qemuargs *args = qemuargs_parse(words, read_document, text, &error);
	size_t n = 0;

	check((args != NULL) == (error == NULL));
	if (args) {
		n = args->n_resources;
		for (size_t i = 0; i < n; i++)
			check_resource(args, i);
		for (size_t i = 0; i < args->n_notices; i++)
			check_notice(args, i);
		check_uses(args);
		/* What is not changed stays byte for byte. */
		char **same = qemuargs_words(args, name_document, NULL);
		size_t w = 0;
		for (; words[w] && same[w]; w++)
			check(strcmp(words[w], same[w]) == 0);
		check(!words[w] && !same[w]);
		free_words(same);
	}
	qemuargs_free(args);
	for (size_t i = 0; i < n && i < 8; i++)
		replace(words, text, i);
	free_words(words);
	return 0;
}
