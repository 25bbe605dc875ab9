/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_xml.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/domain_disk.h"
#include "claims/domain_image.h"
#include "claims/domain_label.h"
#include "claims/domain_os.h"

#include <libxml/parser.h>
#include <string.h>
#include <strings.h>

/* Far more than any element of a domain has. */
#define MAX_ATTRIBUTES 256

/* What the guest's kernel keeps over a crash: QEMU makes the file where there is none. */
static bool parse_pstore(struct domain_parser *p, const xmlNode *pstore)
{
	const xmlNode *node = xml_child(pstore, "path");
	cleanup_free char *path = node ? xml_content(node) : NULL;
	struct domain_image image = domain_image_written("pstore");

	image.optional = true;
	return domain_image_add_path(p, node, path, NULL, &image);
}

static bool parse_devices(struct domain_parser *p, const xmlNode *devices)
{
	for_xml_children(disk, devices, "disk")
	{
		if (!domain_disk_parse(p, disk))
			return false;
	}
	for_xml_children(pstore, devices, "pstore")
	{
		if (!parse_pstore(p, pstore))
			return false;
	}
	return true;
}

static bool parse_resources(struct domain_parser *p, const xmlNode *root)
{
	for (const xmlNode *n = root->children; n; n = n->next) {
		if (xml_is_element(n, "os") && !domain_os_parse(p, n))
			return false;
		if (xml_is_element(n, "devices") && !parse_devices(p, n))
			return false;
	}
	return true;
}

static bool parse_domain(struct domain_parser *p, const xmlNode *root, char **name)
{
	if (!xml_is_element(root, "domain"))
		return xml_fail(&p->xml, root, "the root element is <%s>, not libvirt's <domain>",
			(const char *)root->name);
	const xmlNode *node = xml_child(root, "name");
	cleanup_free char *text = node ? xml_content(node) : NULL;
	*name = text && *text ? steal_pointer(&text) : NULL;
	/* It stands behind the devices, and decides about them. */
	return domain_label_parse(p, root) && parse_resources(p, root);
}

/*
 * Called at "<!DOCTYPE", before anything in it is read: entities, which could expand
 * without end or name other files, are never defined.
 */
static void refuse_doctype(
	void *ctx, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
	xmlParserCtxt *xml = ctx;

	(void)name;
	(void)external_id;
	(void)system_id;
	xml_fail_line(
		xml->_private, xml->input->line, "document type declarations are not allowed");
	xmlStopParser(xml);
}

/* The type that libxml2 gives the argument depends on its version. */
#if LIBXML_VERSION >= 21200
static void note_error(void *ctx, const xmlError *error)
#else
static void note_error(void *ctx, xmlError *error)
#endif
{
	xmlParserCtxt *xml = ctx;
	const char *message = error->message ? error->message : "unknown error";

	/* A prefix without a namespace and the like are no errors to libvirt. */
	if (error->level == XML_ERR_FATAL)
		xml_fail_line(xml->_private, error->line, "not well-formed XML: %.*s",
			(int)strcspn(message, "\n"), message);
}

/*
 * libxml2 compares each attribute of an element with all before it, so that a document
 * of some megabytes could keep it busy for an hour. Outside of quotes there is one "=" per
 * attribute, and no "<" stands within a tag.
 */
static bool check_attributes(struct xml_reader *reader, const char *text, size_t length)
{
	unsigned n = 0;
	bool in_tag = false;
	char quote = 0;
	long line = 1;

	for (const char *c = text; c < text + length; c++) {
		line += *c == '\n';
		if (*c == '<') {
			in_tag = true;
			quote = 0;
			n = 0;
		} else if (!in_tag) {
			continue;
		} else if (quote) {
			quote = *c == quote ? 0 : quote;
		} else if (*c == '"' || *c == '\'') {
			quote = *c;
		} else if (*c == '>') {
			in_tag = false;
		} else if (*c == '=' && ++n > MAX_ATTRIBUTES) {
			return xml_fail_line(reader, line, "an element has more than %d attributes",
				MAX_ATTRIBUTES);
		}
	}
	return true;
}

/*
 * Paths are taken as the bytes that stand there, so UTF-8 is read whatever the document
 * says. One that says otherwise would mean other files to libvirt.
 */
static bool check_encoding(struct xml_reader *reader, const char *text, size_t length)
{
	size_t mark = length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	const char *begin = text + mark, *behind = text + length;

	if (behind - begin < 5 || memcmp(begin, "<?xml", 5) != 0)
		return true;
	const char *end = memmem(begin, (size_t)(behind - begin), "?>", 2);
	cleanup_free char *declaration = xstrndup(begin, (size_t)((end ? end : behind) - begin));
	const char *value = strstr(declaration, "encoding");
	if (!value)
		return true;
	value += strlen("encoding");
	value += strspn(value, " \t\r\n='\"");
	if (strncasecmp(value, "UTF-8", 5) == 0 && strchr("'\"", value[5]))
		return true;
	return xml_fail_line(reader, 1, "the declared encoding is not UTF-8");
}

/* Bytes that end the reading of C strings, and sizes that libxml2 bounds less clearly. */
static bool check_text(struct xml_reader *reader, const char *text, size_t length)
{
	const char *nul = length ? memchr(text, '\0', length) : NULL;
	long line = 1;

	if (length == 0)
		return xml_fail_line(reader, 1, "the document is empty");
	if (length > DOMAIN_MAX_SIZE)
		return xml_fail_line(reader, 1, "larger than %zu bytes", DOMAIN_MAX_SIZE);
	for (const char *c = text; nul && c < nul; c++)
		line += *c == '\n';
	return !nul || xml_fail_line(reader, line, "expected text, found a NUL byte");
}

static bool parse_text(struct domain_parser *p, const char *text, size_t length, char **name)
{
	xmlParserCtxt *xml = xmlNewParserCtxt();
	bool ok = false;

	if (!xml)
		die_out_of_memory();
	xml->_private = &p->xml;
	xml->sax->internalSubset = refuse_doctype;
	xml->sax->serror = note_error;
	/*
	 * Not XML_PARSE_HUGE: the depth of elements and the length of names stay bounded.
	 * The encoding is given, so that libxml2 reads what the checks before have read.
	 */
	xmlDoc *doc = xmlCtxtReadMemory(
		xml, text, (int)length, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_BIG_LINES);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
	if (doc && (doc->intSubset || doc->extSubset))
		xml_fail_line(&p->xml, 1, "document type declarations are not allowed");
	else if (!root)
		xml_fail_line(&p->xml, 1, "not well-formed XML");
	else if (!*p->xml.error)
		ok = parse_domain(p, root, name);
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(xml);
	return ok;
}

struct domain *domain_parse(const char *name, const char *text, size_t length, char **error)
{
	struct domain *domain = xcalloc(1, sizeof(*domain));
	struct domain_parser p = {
		.xml = {.name = name, .error = error},
		.requests = &domain->requests,
		.label = &domain->label,
		.relabel = true,
	};

	*error = NULL;
	if (check_text(&p.xml, text, length) && check_encoding(&p.xml, text, length) &&
		check_attributes(&p.xml, text, length) &&
		parse_text(&p, text, length, &domain->name))
		return domain;
	domain_free(domain);
	return NULL;
}

void domain_free(struct domain *domain)
{
	if (!domain)
		return;
	claim_requests_free(&domain->requests);
	free(domain->name);
	free(domain->label);
	free(domain);
}
