/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The value of one option of QEMU, however it is written, as one flat list of dotted keys
 * and their values that can be looked up and changed, and written again with the bytes
 * that were not changed as they were. Pure.
 *
 * Three grammars meet here. QemuOpts (util/qemu-option.c): "," ends a value, ",," is a
 * comma, the first value may stand without the key that is implied, a key without "=" is
 * a flag ("server", "nowait"). Keyval (util/keyval.c): the same, but the value of an
 * implied key can't have commas. JSON. In all of them the last of duplicates counts, but
 * for the id in QemuOpts, where the first does. [group "id"] sections of a configuration
 * file (util/qemu-config.c) are QemuOpts with other quotes. Private to qemu/.
 */
#pragma once

#include "qemu/args.h"

#include <json-c/json.h>

enum qemuopts_dialect { QEMUOPTS_OPTS, QEMUOPTS_KEYVAL };

struct qemuopts_item {
	char *key;
	char *value;	   /* decoded; NULL: JSON's null */
	char *raw;	   /* as it is written; NULL: new, or changed */
	bool bare;	   /* without "=" */
	size_t begin, end; /* of a SECTION: where its line stands in the document */
};

/* A -readconfig file. */
struct qemuopts_document {
	char *path, *text;
};

struct qemuargs_value {
	enum qemuargs_form form;
	char *text; /* as it was */
	bool changed;
	struct qemuopts_item *items;
	size_t n_items, allocated;
	/* LITERAL: one item with the key "". KEYVALUE: */
	enum qemuopts_dialect dialect;
	char *prefix;	     /* what stands before the first key: "unix:", or "" */
	const char *implied; /* the key of a first value without "=" */
	bool opaque;	     /* from prefix to suffix it is one value, commas are commas */
	char *suffix;
	bool trailing_comma;
	/* JSON. */
	json_object *json;
	/* SECTION. */
	const struct qemuopts_document *document;
	size_t header_begin, header_end;
	bool removed;
	char *found; /* what qemuargs_get() found inside of a value */
	/* Of a -set option: the option that it changes, or (size_t)-1. */
	size_t target;
};

struct qemuargs_value *qemuopts_literal(const char *text);
/* The first prefix_length bytes of text are no part of the list. implied may be NULL. */
struct qemuargs_value *qemuopts_keyvalue(
	const char *text, size_t prefix_length, const char *implied, enum qemuopts_dialect dialect);
/* As it, with one value that begins and ends there in text. */
struct qemuargs_value *qemuopts_opaque(const char *text, size_t begin, size_t end, const char *key);
/* NULL and a new message if text is no JSON object. */
struct qemuargs_value *qemuopts_json(const char *text, char **error);
void qemuopts_free(struct qemuargs_value *v);

/* The item that counts, or NULL. The key of a LITERAL is "". */
const struct qemuopts_item *qemuopts_find(const struct qemuargs_value *v, const char *key);
const char *qemuopts_get(const struct qemuargs_value *v, const char *key);
/* Whether any key begins with key and a ".". */
bool qemuopts_has_below(const struct qemuargs_value *v, const char *key);
/* on, yes, true, y: as QEMU reads them; otherwise if the key is missing. */
bool qemuopts_bool(const struct qemuargs_value *v, const char *key, bool otherwise);

/* The same of the first of duplicates: of what QEMU renames (qemu_opt_rename() in blockdev.c). */
bool qemuopts_first_bool(const struct qemuargs_value *v, const char *key, bool otherwise);

enum qemuopts_type { QEMUOPTS_STRING, QEMUOPTS_BOOL };
/* value NULL takes the key and all below it away. */
void qemuopts_set(
	struct qemuargs_value *v, const char *key, const char *value, enum qemuopts_type type);
/* What -set does: qemuopts_set() that shows only once something else is changed. */
void qemuopts_override(struct qemuargs_value *v, const char *key, const char *value);
/* The value as a new string: of anything but a SECTION. */
char *qemuopts_render(const struct qemuargs_value *v);

/*
 * The sections of a configuration file, each through found(context, group, line, value).
 * Returns false and a new message if QEMU could not read it, too.
 */
typedef void qemuopts_section(
	void *context, const char *group, unsigned line, struct qemuargs_value *value);
bool qemuopts_sections(const struct qemuopts_document *document, qemuopts_section *found,
	void *context, char **error);
/* The document with the n values, all of its sections in order, as they are now. */
char *qemuopts_render_document(
	const struct qemuopts_document *document, struct qemuargs_value *const *values, size_t n);
