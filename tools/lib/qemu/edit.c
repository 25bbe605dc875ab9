/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What becomes of a command line: see args.h. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <string.h>

const char *qemuargs_get(const struct qemuargs *args, size_t option, const char *key)
{
	struct qemuargs_value *v = args->options[option].value;

	if (!v)
		return NULL;
	if (!key || !strchr(key, ':'))
		return qemuopts_get(v, key ? key : "");
	/* Inside of a file name: kept with the value, so that it lives as long. */
	char *found = qemuargs_lookup(v, key);
	if (!found)
		return NULL;
	free(v->found);
	v->found = found;
	return found;
}

bool qemuargs_has_keys(const struct qemuargs *args, size_t option)
{
	const struct qemuargs_value *v = args->options[option].value;

	return v && v->n_items > 0;
}

static void set(struct qemuargs *args, size_t option, const char *key, const char *value,
	enum qemuopts_type type)
{
	struct qemuargs_value *v = args->options[option].value;

	if (!v)
		return;
	v->changed = true;
	if (key && strchr(key, ':'))
		qemuargs_store(v, key, value, type);
	else
		qemuopts_set(v, key ? key : "", value, type);
}

void qemuargs_set(struct qemuargs *args, size_t option, const char *key, const char *value)
{
	set(args, option, key, value, QEMUOPTS_STRING);
}

void qemuargs_set_bool(struct qemuargs *args, size_t option, const char *key, bool value)
{
	set(args, option, key, value ? "on" : "off", QEMUOPTS_BOOL);
}

void qemuargs_remove(struct qemuargs *args, size_t option)
{
	args->options[option].removed = true;
	if (args->options[option].value)
		args->options[option].value->removed = true;
}

static void add_pair(struct qemuargs_pair **pairs, size_t *n, const char *name, const char *value)
{
	ARRAY_GROW(*pairs, *n);
	(*pairs)[(*n)++] = (struct qemuargs_pair){
		.name = xasprintf("-%s", name),
		.value = value ? xstrdup(value) : NULL,
	};
}

void qemuargs_prepend(struct qemuargs *args, const char *name, const char *value)
{
	add_pair(&args->private_->before, &args->private_->n_before, name, value);
}

void qemuargs_append(struct qemuargs *args, const char *name, const char *value)
{
	add_pair(&args->private_->after, &args->private_->n_after, name, value);
}

struct writer {
	const struct qemuargs *args;
	char **words;
	size_t n, document;
	qemuargs_namer *name;
	void *context;
};

/* Takes word over. */
static void put(struct writer *w, char *word)
{
	w->words = xreallocarray(w->words, w->n + 2, sizeof(*w->words));
	w->words[w->n++] = word;
	w->words[w->n] = NULL;
}

static void put_pairs(struct writer *w, const struct qemuargs_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put(w, xstrdup(pairs[i].name));
		if (pairs[i].value)
			put(w, xstrdup(pairs[i].value));
	}
}

/* What a -set did stands in its target by now, if that was written anew. */
static bool is_superseded(const struct writer *w, const struct qemuargs_option *option)
{
	const struct qemuargs_option *target;

	if (!option->value || option->value->target == QEMUARGS_NONE)
		return false;
	target = &w->args->options[option->value->target];
	return target->removed || target->value->changed;
}

/* The sections of a -readconfig file, whose option is first, stand behind it. */
static char *render_readconfig(struct writer *w, size_t first, size_t end)
{
	const struct qemuargs_value *option = w->args->options[first].value;
	const struct qemuopts_document *document = w->args->private_->documents[w->document++];
	struct qemuargs_value **values = xcalloc(end - first, sizeof(struct qemuargs_value *));
	bool changed = false;
	char *word;

	for (size_t i = first + 1; i < end; i++) {
		values[i - first - 1] = w->args->options[i].value;
		changed |= w->args->options[i].value->changed || w->args->options[i].removed;
	}
	if (changed) {
		cleanup_free char *text =
			qemuopts_render_document(document, values, end - first - 1);
		word = w->name(w->context, document->path, text);
	} else {
		word = qemuopts_render(option);
	}
	free(values);
	return word;
}

static bool is_section(const struct qemuargs_option *option)
{
	return option->form == QEMUARGS_SECTION;
}

static void put_option(struct writer *w, size_t first, size_t end)
{
	const struct qemuargs_option *option = &w->args->options[first];
	const char *name = w->args->private_->words[option->word];
	bool readconfig = strcmp(option->name, "readconfig") == 0;

	if (option->removed || is_superseded(w, option)) {
		w->document += readconfig;
		return;
	}
	if (*name == '-')
		put(w, xstrdup(name));
	if (readconfig)
		put(w, render_readconfig(w, first, end));
	else if (option->value)
		put(w, qemuopts_render(option->value));
}

char **qemuargs_words(const struct qemuargs *args, qemuargs_namer *name, void *context)
{
	struct writer w = {
		.args = args,
		.words = xcalloc(1, sizeof(char *)),
		.name = name,
		.context = context,
	};
	size_t end;

	put_pairs(&w, args->private_->before, args->private_->n_before);
	for (size_t first = 0; first < args->n_options; first = end) {
		end = first + 1;
		while (end < args->n_options && is_section(&args->options[end]))
			end++;
		put_option(&w, first, end);
	}
	put_pairs(&w, args->private_->after, args->private_->n_after);
	return w.words;
}
