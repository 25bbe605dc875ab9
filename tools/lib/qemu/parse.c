/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/parse.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

/* Takes value over. */
static size_t add_option(struct qemuargs_parser *p, const char *name, size_t word, char *source,
	struct qemuargs_value *value)
{
	struct qemuargs *args = p->args;

	ARRAY_GROW(args->options, args->n_options);
	args->options[args->n_options] = (struct qemuargs_option){
		.name = xstrdup(name),
		.form = value ? value->form : QEMUARGS_FLAG,
		.word = word,
		.source = source,
		.value = value,
	};
	return args->n_options++;
}

/* qemu_global_option(): driver.property=value has no commas to heed. */
static struct qemuargs_value *global_value(const char *text)
{
	size_t driver = strcspn(text, ".="), property = 0;

	if (driver && text[driver] == '.')
		property = strcspn(text + driver + 1, "=");
	if (property && text[driver + 1 + property] == '=')
		return qemuopts_opaque(text, driver + property + 2, strlen(text), "value");
	return qemuopts_keyvalue(text, 0, NULL, QEMUOPTS_OPTS);
}

static struct qemuargs_value *parse_value(
	const struct qemuargs_spec *spec, const char *text, char **error)
{
	bool json = *text == '{';

	switch (spec->syntax) {
	case SYNTAX_JSON_OPTS:
	case SYNTAX_JSON_KEYVAL:
		if (json)
			return qemuopts_json(text, error);
		return qemuopts_keyvalue(text, 0, spec->implied,
			spec->syntax == SYNTAX_JSON_OPTS ? QEMUOPTS_OPTS : QEMUOPTS_KEYVAL);
	case SYNTAX_OPTS:
		return qemuopts_keyvalue(text, 0, spec->implied, QEMUOPTS_OPTS);
	case SYNTAX_KEYVAL:
		return qemuopts_keyvalue(text, 0, spec->implied, QEMUOPTS_KEYVAL);
	case SYNTAX_CHARDEV:
		return qemuargs_chardev_value(text);
	case SYNTAX_VNC:
		return qemuopts_keyvalue(text, qemuargs_behind(text, "unix:") ? strlen("unix:") : 0,
			spec->implied, QEMUOPTS_OPTS);
	case SYNTAX_INCOMING:
		return *text == '{' ? qemuopts_json(text, error) : qemuargs_incoming_value(text);
	case SYNTAX_GLOBAL:
		return global_value(text);
	default:
		return qemuopts_literal(text);
	}
}

struct section_context {
	struct qemuargs_parser *p;
	size_t word;
};

static void add_section(
	void *context, const char *group, unsigned line, struct qemuargs_value *value)
{
	const struct section_context *c = context;
	const struct qemuargs_spec *spec = qemuargs_group_spec(group);
	/* No option has that name. */
	cleanup_free char *unknown = xasprintf("[%s]", group);

	add_option(c->p, spec ? spec->name : unknown, c->word,
		xasprintf("%s:%u: [%s]", value->document->path, line, group), value);
}

static bool read_document(struct qemuargs_parser *p, size_t word, const char *path)
{
	struct qemuargs_private *own = p->args->private_;
	struct section_context context = {p, word};
	char *text = p->read(p->context, path, p->error);

	if (!text)
		return false;
	struct qemuopts_document *document = xcalloc(1, sizeof(*document));
	document->path = xstrdup(path);
	document->text = text;
	ARRAY_GROW(own->documents, own->n_documents);
	own->documents[own->n_documents++] = document;
	return qemuopts_sections(document, add_section, &context, p->error);
}

/*
 * What follows an option that is not known here could be its value or a disk. Taking a
 * disk for a value, QEMU can't open it; the other way round, a file that is none would
 * be passed: so it is taken for a value.
 */
static size_t add_unknown(struct qemuargs_parser *p, size_t word, const char *name)
{
	char *const *words = p->args->private_->words;
	const char *value = words[word + 1];
	bool takes = value && *value != '-';

	add_option(p, name, word, xstrdup(words[word]), takes ? qemuopts_literal(value) : NULL);
	return word + 1 + takes;
}

/* Returns the word behind the option, 0 if it is no good. */
static size_t parse_option(struct qemuargs_parser *p, size_t word)
{
	const char *text = p->args->private_->words[word];
	/* One dash or two; with a third one it is another name. */
	const char *given = text + 1 + (text[1] == '-');
	const struct qemuargs_spec *spec = qemuargs_spec(given);
	cleanup_free char *why = NULL;

	if (!spec)
		return add_unknown(p, word, given);
	const char *name = spec->alias_of ? spec->alias_of : spec->name;
	cleanup_free char *source = xasprintf("-%s", spec->name);
	if (spec->syntax == SYNTAX_FLAG) {
		add_option(p, name, word, steal_pointer(&source), NULL);
		return word + 1;
	}
	const char *argument = p->args->private_->words[word + 1];
	if (!argument) {
		*p->error = xasprintf("%s requires an argument", source);
		return 0;
	}
	struct qemuargs_value *value = parse_value(spec, argument, &why);
	if (!value) {
		*p->error = xasprintf("%s %s: %s", source, argument, why);
		return 0;
	}
	add_option(p, name, word, steal_pointer(&source), value);
	if (strcmp(name, "readconfig") == 0 && !read_document(p, word, argument))
		return 0;
	return word + 2;
}

static bool parse_words(struct qemuargs_parser *p)
{
	const struct qemuargs_private *own = p->args->private_;

	for (size_t word = 0; word < own->n_words;) {
		const char *text = own->words[word];
		if (*text != '-') {
			add_option(p, "hda", word, xstrdup("argument"), qemuopts_literal(text));
			word++;
		} else if (!(word = parse_option(p, word))) {
			return false;
		}
	}
	return true;
}

/* What -set appends is the last of duplicates, and of a drive's "readonly" the first counts. */
static bool set_is_void(const struct qemuargs_option *target, const char *key)
{
	return strcmp(target->name, "drive") == 0 && strcmp(key, "readonly") == 0 &&
	       qemuopts_find(target->value, key);
}

/*
 * -set GROUP.ID.KEY=VALUE, qemu_set_option(): the option must stand in front of it. A key
 * with a comma has no place in an option, and is none of QEMU's: QEMU says so.
 */
static void apply_set(struct qemuargs_parser *p, size_t option)
{
	struct qemuargs_value *set = p->args->options[option].value;
	char group[64], id[64], key[64];
	int n = -1;

	if (set->form != QEMUARGS_LITERAL ||
		sscanf(set->text, "%63[^.].%63[^.].%63[^=]%n", group, id, key, &n) < 3 || n < 0 ||
		set->text[n] != '=' || strchr(key, ','))
		return;
	for (size_t i = 0; i < option; i++) {
		struct qemuargs_option *target = &p->args->options[i];
		if (target->value && strcmp(target->name, group) == 0 &&
			qemuargs_is(qemuopts_get(target->value, "id"), id) &&
			target->form != QEMUARGS_JSON && target->form != QEMUARGS_LITERAL) {
			if (!set_is_void(target, key))
				qemuopts_override(target->value, key, set->text + n + 1);
			set->target = i;
			return;
		}
	}
}

static void find_resources(struct qemuargs_parser *p)
{
	struct qemuargs *args = p->args;

	for (size_t i = 0; i < args->n_options; i++)
		if (strcmp(args->options[i].name, "set") == 0 && args->options[i].value)
			apply_set(p, i);
	qemuargs_blocks_collect(p);
	for (size_t i = 0; i < args->n_options && !*p->error; i++) {
		const struct qemuargs_option *option = &args->options[i];
		const struct qemuargs_spec *spec = qemuargs_spec(option->name);
		if (spec && spec->find && (option->value || spec->syntax == SYNTAX_FLAG))
			spec->find(p, i);
	}
	qemuargs_blocks_free(p);
}

struct qemuargs *qemuargs_parse(
	char *const *words, qemuargs_reader *read, void *context, char **error)
{
	struct qemuargs *args = xcalloc(1, sizeof(*args));
	struct qemuargs_private *own = xcalloc(1, sizeof(*own));
	struct qemuargs_parser p = {.args = args, .read = read, .context = context, .error = error};

	*error = NULL;
	args->private_ = own;
	while (words[own->n_words])
		own->n_words++;
	own->words = xcalloc(own->n_words + 1, sizeof(*own->words));
	for (size_t i = 0; i < own->n_words; i++)
		own->words[i] = xstrdup(words[i]);
	if (parse_words(&p))
		find_resources(&p);
	if (!*error)
		return args;
	qemuargs_free(args);
	return NULL;
}

static void free_resource(struct qemuargs_resource *r)
{
	free(r->path);
	free(r->source);
	free(r->reason);
	free(r->key);
	free(r->format);
	free(r->image_key);
}

static void free_notice(struct qemuargs_notice *n)
{
	free(n->file);
	free(n->path);
	free(n->source);
	free(n->reason);
	free(n->key);
}

static void free_net(struct qemuargs_net *net)
{
	free(net->ifname);
	free(net->script);
	free(net->downscript);
	free(net->bridge);
	free(net->helper);
	free(net->vhostdev);
}

static void free_pairs(struct qemuargs_pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(pairs[i].name);
		free(pairs[i].value);
	}
	free(pairs);
}

static void free_private(struct qemuargs_private *own)
{
	for (size_t i = 0; i < own->n_words; i++)
		free(own->words[i]);
	free(own->words);
	for (size_t i = 0; i < own->n_documents; i++) {
		free(own->documents[i]->path);
		free(own->documents[i]->text);
		free(own->documents[i]);
	}
	free(own->documents);
	for (size_t i = 0; i < own->n_nets; i++)
		free_net(&own->nets[i].net);
	free(own->nets);
	free_pairs(own->before, own->n_before);
	free_pairs(own->after, own->n_after);
	free(own);
}

void qemuargs_free(struct qemuargs *args)
{
	if (!args)
		return;
	for (size_t i = 0; i < args->n_options; i++) {
		free(args->options[i].name);
		free(args->options[i].source);
		qemuopts_free(args->options[i].value);
	}
	free(args->options);
	for (size_t i = 0; i < args->n_resources; i++)
		free_resource(&args->resources[i]);
	free(args->resources);
	for (size_t i = 0; i < args->n_notices; i++)
		free_notice(&args->notices[i]);
	free(args->notices);
	for (size_t i = 0; i < args->n_ports; i++)
		free(args->ports[i].host);
	free(args->ports);
	free(args->guest_name);
	free(args->run_as);
	free_private(args->private_);
	free(args);
}

const struct qemuargs_net *qemuargs_net(const struct qemuargs *args, size_t resource)
{
	const struct qemuargs_private *own = args->private_;

	for (size_t i = 0; i < own->n_nets; i++)
		if (own->nets[i].resource == resource)
			return &own->nets[i].net;
	return NULL;
}
