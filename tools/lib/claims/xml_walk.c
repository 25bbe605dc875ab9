/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/xml_walk.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <stdarg.h>
#include <string.h>

bool xml_fail_line(struct xml_reader *reader, long line, const char *format, ...)
{
	cleanup_free char *what = NULL;
	va_list ap;

	/* What follows from a first error says less than it. */
	if (*reader->error)
		return false;
	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	*reader->error = xasprintf("%s:%ld: %s", reader->name, line, what ? what : "malformed");
	return false;
}

/* A text of libxml2 as one of ours. Only a lack of memory gives NULL here. */
static char *take(xmlChar *text)
{
	if (!text)
		die_out_of_memory();
	char *copy = xstrdup((const char *)text);
	xmlFree(text);
	return copy;
}

bool xml_is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns &&
	       strcmp((const char *)node->name, name) == 0;
}

const xmlNode *xml_find(const xmlNode *node, const char *name)
{
	while (node && !xml_is_element(node, name))
		node = node->next;
	return node;
}

const xmlNode *xml_child(const xmlNode *node, const char *name)
{
	return xml_find(node->children, name);
}

char *xml_attribute(const xmlNode *node, const char *name)
{
	if (!xmlHasNsProp((xmlNode *)node, (const xmlChar *)name, NULL))
		return NULL;
	return take(xmlGetNoNsProp((xmlNode *)node, (const xmlChar *)name));
}

char *xml_content(const xmlNode *node)
{
	return take(xmlNodeGetContent(node));
}

char *xml_child_attribute(const xmlNode *node, const char *name, const char *of)
{
	const xmlNode *n = xml_child(node, name);

	return n ? xml_attribute(n, of) : NULL;
}

bool xml_is(const char *value, const char *expected)
{
	return value && strcmp(value, expected) == 0;
}

bool xml_fail_value(
	struct xml_reader *reader, const xmlNode *node, const char *name, const char *value)
{
	return xml_fail(
		reader, node, "<%s %s='%s'>: unknown value", (const char *)node->name, name, value);
}

bool xml_yes_no(struct xml_reader *reader, const xmlNode *node, const char *name, bool *result)
{
	cleanup_free char *value = xml_attribute(node, name);

	if (!value)
		return true;
	if (!xml_is(value, "yes") && !xml_is(value, "no"))
		return xml_fail_value(reader, node, name, value);
	*result = xml_is(value, "yes");
	return true;
}
