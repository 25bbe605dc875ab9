/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small readers of words: the command line file of a VM, users and groups, values of
 * virt-priv-conf (a key on the first line, a word behind it), and the escaping of what is shown.
 */
#include "base/idspec.h"
#include "base/text.h"
#include "conf/confvalue.h"
#include "fuzz.h"
#include "vm/trusted_file.h"

static void check_vm_file(const char *text)
{
	const char *behind = text;
	size_t n;
	char **words = trusted_file_words("qemu", text, &n);

	check(n > 0 && strcmp(words[0], "qemu") == 0 && !words[n]);
	for (size_t i = 1; i < n; i++) {
		check(*words[i] && *words[i] != '#' && !strchr(words[i], '\n'));
		/* In the order of the text. */
		behind = strstr(behind, words[i]);
		check(behind);
		behind += strlen(words[i]);
	}
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
}

static void check_idspec(const char *text)
{
	cleanup_free char *error = NULL;
	struct idspec spec;

	if (!idspec_parse(text, &spec, &error)) {
		check(error);
		return;
	}
	check(!error && (spec.numeric || spec.name));
	check(!spec.numeric || spec.id != UINT32_MAX);
	check(!spec.name || (*spec.name && *spec.name != '-' && !strchr(spec.name, ':')));
	check(!spec.forced_numeric || (spec.numeric && text[0] == '+'));
}

/* What is shown has neither control characters nor bytes that are no UTF-8. */
static void check_escape(const char *text)
{
	cleanup_free char *shown = log_escape(text);

	for (const char *p = shown; *p;) {
		size_t length = text_utf8_length(p);
		check(length > 0 && !text_is_control(p));
		p += length;
	}
}

static void check_value(const struct confkey *key, const char *name, const char *word)
{
	cleanup_free char *error = NULL, *why = NULL;
	cleanup_free char *literal = confvalue_from_word(name, key, word, &error);

	check((literal != NULL) == (error == NULL));
	if (!literal)
		return;
	/* One statement that stays on its line, and that libvirt takes. */
	cleanup_free char *line = xasprintf("%s = %s\n", name, literal);
	struct conf *conf = conf_parse("fuzz", line, strlen(line), &why);
	const char *expected;
	check(conf && conf->n_entries == 1 && !strchr(literal, '\n'));
	check(!key || confkey_accepts(key, &conf->entries[0].value, &expected));
	conf_free(conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = fuzz_string(data, size);
	cleanup_free char *first = xstrndup(text, strcspn(text, "\n"));
	const char *rest = text + strlen(first) + (text[strlen(first)] == '\n');

	check_vm_file(text);
	check_idspec(text);
	check_escape(text);
	if (confkey_find(first))
		check_value(confkey_find(first), first, rest);
	check_value(NULL, "no_such_key", rest);
	confkey_nearest(first);
	return 0;
}
