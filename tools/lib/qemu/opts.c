/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/opts.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <string.h>

static struct qemuargs_value *new_value(enum qemuargs_form form, const char *text)
{
	struct qemuargs_value *v = xcalloc(1, sizeof(*v));

	v->form = form;
	v->text = xstrdup(text);
	v->prefix = xstrdup("");
	v->target = (size_t)-1;
	return v;
}

/* Takes key, value and raw over. */
static void add_item(struct qemuargs_value *v, char *key, char *value, char *raw, bool bare)
{
	ARRAY_GROW(v->items, v->n_items);
	v->items[v->n_items++] =
		(struct qemuopts_item){.key = key, .value = value, .raw = raw, .bare = bare};
}

static void free_item(struct qemuopts_item *item)
{
	free(item->key);
	free(item->value);
	free(item->raw);
}

static void remove_item(struct qemuargs_value *v, size_t i)
{
	free_item(&v->items[i]);
	v->n_items--;
	memmove(&v->items[i], &v->items[i + 1], (v->n_items - i) * sizeof(*v->items));
}

void qemuopts_free(struct qemuargs_value *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < v->n_items; i++)
		free_item(&v->items[i]);
	free(v->items);
	free(v->text);
	free(v->prefix);
	free(v->suffix);
	free(v->found);
	json_object_put(v->json);
	free(v);
}

struct qemuargs_value *qemuopts_literal(const char *text)
{
	struct qemuargs_value *v = new_value(QEMUARGS_LITERAL, text);

	add_item(v, xstrdup(""), xstrdup(text), NULL, true);
	return v;
}

struct qemuargs_value *qemuopts_opaque(const char *text, size_t begin, size_t end, const char *key)
{
	struct qemuargs_value *v = new_value(QEMUARGS_KEYVALUE, text);

	free(v->prefix);
	v->prefix = xstrndup(text, begin);
	v->suffix = xstrdup(text + end);
	v->opaque = true;
	add_item(v, xstrdup(key), xstrndup(text + begin, end - begin), NULL, true);
	return v;
}

/* The value that begins here, decoded; *end: the comma behind it, or the end. */
static char *decode(const char *text, const char **end)
{
	char *value = xmalloc(strlen(text) + 1), *out = value;

	while (*text) {
		if (*text == ',' && *++text != ',') {
			text--;
			break;
		}
		*out++ = *text++;
	}
	*out = 0;
	*end = text;
	return value;
}

/* A key without "=": "server" is on, "nowait" off (get_opt_name_value()). */
static void add_flag(struct qemuargs_value *v, const char *text, size_t length)
{
	bool off = length > 2 && strncmp(text, "no", 2) == 0;
	size_t skip = off ? 2 : 0;

	add_item(v, xstrndup(text + skip, length - skip), xstrdup(off ? "off" : "on"),
		xstrndup(text, length), true);
}

/* One parameter; returns the comma behind it, or the end. */
static const char *parse_parameter(struct qemuargs_value *v, const char *text)
{
	size_t length = strcspn(text, "=,");
	const char *end;

	if (text[length] == '=') {
		char *value = decode(text + length + 1, &end);
		add_item(v, xstrndup(text, length), value, xstrndup(text, (size_t)(end - text)),
			false);
		return end;
	}
	if (v->n_items || !v->implied) {
		add_flag(v, text, length);
		return text + length;
	}
	char *value;
	if (v->dialect == QEMUOPTS_OPTS) {
		value = decode(text, &end);
	} else {
		value = xstrndup(text, length);
		end = text + length;
	}
	add_item(v, xstrdup(v->implied), value, xstrndup(text, (size_t)(end - text)), true);
	return end;
}

struct qemuargs_value *qemuopts_keyvalue(
	const char *text, size_t prefix_length, const char *implied, enum qemuopts_dialect dialect)
{
	struct qemuargs_value *v = new_value(QEMUARGS_KEYVALUE, text);
	const char *p = text + prefix_length;

	free(v->prefix);
	v->prefix = xstrndup(text, prefix_length);
	v->implied = implied;
	v->dialect = dialect;
	while (*p) {
		p = parse_parameter(v, p);
		if (*p) {
			p++;
			v->trailing_comma = !*p;
		}
	}
	return v;
}

const struct qemuopts_item *qemuopts_find(const struct qemuargs_value *v, const char *key)
{
	bool first = v->form == QEMUARGS_KEYVALUE && v->dialect == QEMUOPTS_OPTS &&
		     strcmp(key, "id") == 0;
	const struct qemuopts_item *found = NULL;

	for (size_t i = 0; i < v->n_items && !(first && found); i++)
		if (strcmp(v->items[i].key, key) == 0)
			found = &v->items[i];
	return found;
}

const char *qemuopts_get(const struct qemuargs_value *v, const char *key)
{
	const struct qemuopts_item *item = qemuopts_find(v, key);

	return item ? item->value : NULL;
}

static bool is_below(const char *key, const char *above)
{
	size_t length = strlen(above);

	return strncmp(key, above, length) == 0 && key[length] == '.';
}

bool qemuopts_has_below(const struct qemuargs_value *v, const char *key)
{
	for (size_t i = 0; i < v->n_items; i++)
		if (is_below(v->items[i].key, key))
			return true;
	return false;
}

/* qapi_bool_parse() */
static bool to_bool(const char *value, bool otherwise)
{
	static const char *const on[] = {"on", "yes", "true", "y"};

	if (!value)
		return otherwise;
	for (size_t i = 0; i < N_ELEMENTS(on); i++)
		if (strcmp(value, on[i]) == 0)
			return true;
	return false;
}

bool qemuopts_bool(const struct qemuargs_value *v, const char *key, bool otherwise)
{
	return to_bool(qemuopts_get(v, key), otherwise);
}

bool qemuopts_first_bool(const struct qemuargs_value *v, const char *key, bool otherwise)
{
	for (size_t i = 0; i < v->n_items; i++)
		if (strcmp(v->items[i].key, key) == 0)
			return to_bool(v->items[i].value, otherwise);
	return otherwise;
}

static void flatten(struct qemuargs_value *v, const char *key, json_object *value);

static void flatten_object(struct qemuargs_value *v, const char *key, json_object *object)
{
	json_object_object_foreach(object, name, child)
	{
		cleanup_free char *below = *key ? xasprintf("%s.%s", key, name) : xstrdup(name);
		flatten(v, below, child);
	}
}

static void flatten(struct qemuargs_value *v, const char *key, json_object *value)
{
	const char *text = NULL;

	switch (json_object_get_type(value)) {
	case json_type_object:
		flatten_object(v, key, value);
		return;
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			cleanup_free char *below = xasprintf("%s.%zu", key, i);
			flatten(v, below, json_object_array_get_idx(value, i));
		}
		return;
	case json_type_boolean:
		text = json_object_get_boolean(value) ? "on" : "off";
		break;
	case json_type_null:
		break;
	default:
		text = json_object_get_string(value);
	}
	add_item(v, xstrdup(key), text ? xstrdup(text) : NULL, NULL, false);
}

static json_object *parse_json(const char *text, char **error)
{
	json_tokener *tokener = json_tokener_new();

	if (!tokener)
		die_out_of_memory();
	/* With the NUL byte, so that a number at the end is known to end. */
	json_object *json = json_tokener_parse_ex(tokener, text, (int)strlen(text) + 1);
	enum json_tokener_error result = json_tokener_get_error(tokener);
	size_t end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (result != json_tokener_success) {
		*error = xasprintf("invalid JSON: %s", json_tokener_error_desc(result));
	} else if (text[end + strspn(text + end, " \t\r\n")]) {
		*error = xasprintf("invalid JSON: trailing characters after the object");
	} else if (!json_object_is_type(json, json_type_object)) {
		*error = xasprintf("expected a JSON object");
	} else {
		return json;
	}
	json_object_put(json);
	return NULL;
}

struct qemuargs_value *qemuopts_json(const char *text, char **error)
{
	json_object *json = parse_json(text, error);

	if (!json)
		return NULL;
	struct qemuargs_value *v = new_value(QEMUARGS_JSON, text);
	v->json = json;
	flatten(v, "", json);
	return v;
}

/* The member of object that key begins with, and in *rest what follows in key behind it. */
static json_object *step(json_object *object, const char *key, const char **rest)
{
	for (const char *dot = strchr(key, '.'); dot; dot = strchr(dot + 1, '.')) {
		cleanup_free char *name = xstrndup(key, (size_t)(dot - key));
		json_object *member = NULL;
		if (json_object_is_type(object, json_type_array)) {
			char *end;
			unsigned long i = strtoul(name, &end, 10);
			if (*end || i >= json_object_array_length(object))
				return NULL;
			member = json_object_array_get_idx(object, i);
		} else {
			json_object_object_get_ex(object, name, &member);
		}
		*rest = dot + 1;
		if (json_object_is_type(member, json_type_object) ||
			json_object_is_type(member, json_type_array))
			return member;
	}
	return NULL;
}

static void put_json(json_object *object, const char *key, json_object *value)
{
	const char *dot;
	char *end;

	if (json_object_is_type(object, json_type_array)) {
		size_t i = strtoul(key, &end, 10);
		json_object_array_put_idx(object, i, value);
		return;
	}
	/* What is not there yet is made, but a key that has a dot in it may stand there. */
	while ((dot = strchr(key, '.')) && !json_object_object_get_ex(object, key, NULL)) {
		cleanup_free char *name = xstrndup(key, (size_t)(dot - key));
		json_object *below = json_object_new_object();
		json_object_object_add(object, name, below);
		object = below;
		key = dot + 1;
	}
	json_object_object_add(object, key, value);
}

static void remove_json(json_object *object, const char *key)
{
	char *end;

	if (json_object_is_type(object, json_type_array)) {
		size_t i = strtoul(key, &end, 10);
		if (!*end && i < json_object_array_length(object))
			json_object_array_del_idx(object, i, 1);
		return;
	}
	json_object_object_del(object, key);
	/* {"file.filename": ...}, as "json:" allows it, is below "file", too. */
	for (bool again = true; again;) {
		again = false;
		json_object_object_foreach(object, name, child)
		{
			(void)child;
			if (is_below(name, key)) {
				json_object_object_del(object, name);
				again = true;
				break;
			}
		}
	}
}

static void set_json(
	struct qemuargs_value *v, const char *key, const char *value, enum qemuopts_type type)
{
	json_object *object = v->json, *below;
	const char *rest;

	while ((below = step(object, key, &rest))) {
		object = below;
		key = rest;
	}
	if (!value)
		remove_json(object, key);
	else if (type == QEMUOPTS_BOOL)
		put_json(object, key, json_object_new_boolean(strcmp(value, "on") == 0));
	else
		put_json(object, key, json_object_new_string(value));
	while (v->n_items)
		remove_item(v, v->n_items - 1);
	flatten(v, "", v->json);
}

static void remove_keys(struct qemuargs_value *v, const char *key)
{
	for (size_t i = v->n_items; i-- > 0;)
		if (strcmp(v->items[i].key, key) == 0 || is_below(v->items[i].key, key))
			remove_item(v, i);
}

static void set_item(struct qemuargs_value *v, const char *key, const char *value)
{
	const struct qemuopts_item *found = qemuopts_find(v, key);

	if (!found) {
		add_item(v, xstrdup(key), xstrdup(value), NULL, false);
		return;
	}
	/* Of duplicates one stays: the one that counted. */
	size_t kept = (size_t)(found - v->items);
	for (size_t i = v->n_items; i-- > 0;) {
		if (i != kept && strcmp(v->items[i].key, key) == 0) {
			remove_item(v, i);
			kept -= i < kept;
		}
	}
	struct qemuopts_item *item = &v->items[kept];
	char *copy = xstrdup(value);
	free(item->value);
	item->value = copy;
	free(steal_pointer(&item->raw));
}

void qemuopts_set(
	struct qemuargs_value *v, const char *key, const char *value, enum qemuopts_type type)
{
	v->changed = true;
	if (v->form == QEMUARGS_JSON)
		set_json(v, key, value, type);
	else if (!value)
		remove_keys(v, key);
	else
		set_item(v, key, value);
}

void qemuopts_override(struct qemuargs_value *v, const char *key, const char *value)
{
	set_item(v, key, value);
}

static char *encode(const char *value)
{
	char *text = xmalloc(2 * strlen(value) + 1), *out = text;

	for (; *value; value++) {
		if (*value == ',')
			*out++ = ',';
		*out++ = *value;
	}
	*out = 0;
	return text;
}

/* Whether an implied key may stay away. */
static bool can_be_bare(const struct qemuargs_value *v, size_t i)
{
	const struct qemuopts_item *item = &v->items[i];

	return i == 0 && item->bare && v->implied && strcmp(item->key, v->implied) == 0 &&
	       !strpbrk(item->value, v->dialect == QEMUOPTS_OPTS ? "=" : "=,");
}

static char *render_item(const struct qemuargs_value *v, size_t i)
{
	const struct qemuopts_item *item = &v->items[i];
	cleanup_free char *value = NULL;

	/* What has lost its place as the first one has lost the key that was implied. */
	bool misplaced = item->bare && i > 0 && v->implied && strcmp(item->key, v->implied) == 0;
	/* And a flag that has become the first one would be taken for its value. */
	misplaced |= item->bare && i == 0 && v->implied && strcmp(item->key, v->implied) != 0;
	/* And one without a name, ",,", is a comma of the value that has come in front of it. */
	misplaced |= item->bare && !*item->key;
	if (item->raw && !misplaced)
		return xstrdup(item->raw);
	value = encode(item->value);
	return can_be_bare(v, i) ? steal_pointer(&value) : xasprintf("%s=%s", item->key, value);
}

static char *render_keyvalue(const struct qemuargs_value *v)
{
	char *text = xstrdup(v->prefix);

	for (size_t i = 0; i < v->n_items; i++) {
		cleanup_free char *item =
			v->opaque ? xstrdup(v->items[i].value) : render_item(v, i);
		char *longer = xasprintf("%s%s%s", text, i ? "," : "", item);
		free(text);
		text = longer;
	}
	/* In front of nothing a comma would be a first parameter. */
	const char *suffix = v->trailing_comma && v->n_items ? "," : v->suffix;
	if (suffix) {
		char *longer = xasprintf("%s%s", text, suffix);
		free(text);
		text = longer;
	}
	return text;
}

char *qemuopts_render(const struct qemuargs_value *v)
{
	if (!v->changed)
		return xstrdup(v->text);
	switch (v->form) {
	case QEMUARGS_JSON:
		return xstrdup(json_object_to_json_string_ext(
			v->json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	case QEMUARGS_KEYVALUE:
		return render_keyvalue(v);
	default:
		return xstrdup(v->n_items ? v->items[0].value : "");
	}
}
