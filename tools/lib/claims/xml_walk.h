/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree of an XML document as libvirt's XPaths see it, and messages that name the line.
 * Private to claims/.
 */
#pragma once

#include <libxml/tree.h>
#include <stdbool.h>

struct xml_reader {
	const char *name; /* of the document, in messages */
	char **error;	  /* where the first message goes, which *error is NULL before */
};

/*
 * Puts a new message "NAME:LINE: what is wrong" into *error, unless there is one already: what
 * follows from a first error says less than it. Return false, so that a function can return it.
 */
bool xml_fail_line(struct xml_reader *reader, long line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define xml_fail(reader, node, ...) xml_fail_line(reader, xmlGetLineNo(node), __VA_ARGS__)
/* An attribute whose value is none of those that it can have. */
bool xml_fail_value(
	struct xml_reader *reader, const xmlNode *node, const char *name, const char *value);

/* Elements with a namespace are others' extensions: libvirt's XPaths don't match them. */
bool xml_is_element(const xmlNode *node, const char *name);
/* The first element of that name: at or behind node; and among the children of node. */
const xmlNode *xml_find(const xmlNode *node, const char *name);
const xmlNode *xml_child(const xmlNode *node, const char *name);
/* Walks the children of that name. */
#define for_xml_children(n, parent, name)                                                          \
	for (const xmlNode *n = xml_child(parent, name); n; n = xml_find(n->next, name))

/* New strings; of an attribute that is not there, NULL. */
char *xml_attribute(const xmlNode *node, const char *name);
char *xml_child_attribute(const xmlNode *node, const char *name, const char *of);
char *xml_content(const xmlNode *node);

/* Whether a value, which can be NULL, is what was expected. */
bool xml_is(const char *value, const char *expected);
/* Leaves *result as it is where there is no such attribute; false, and the message: malformed. */
bool xml_yes_no(struct xml_reader *reader, const xmlNode *node, const char *name, bool *result);
