/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_xml.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/resource.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

/* libvirt's VIR_SECURITY_LABEL_BUFLEN, with its NUL byte. */
#define LABEL_SIZE 4097
/* Far more than any element of a domain has. */
#define MAX_ATTRIBUTES 256

struct parser {
	struct domain *domain;
	size_t allocated; /* resources */
	const char *name;
	bool active;  /* the document describes a running domain */
	bool relabel; /* what the domain's seclabel says; true without one */
	unsigned boot_files_seen;
	char **error;
};

/* A seclabel of model dac below a <source>. */
struct override {
	bool present, relabel;
	char *label;
};

/* What is known of an image before its <source> is read. */
struct image {
	enum resource_kind kind;
	enum resource_access access;
	enum resource_action action;
	const char *reason;
	const char *source; /* for people */
	const char *format;
	bool shared, optional;
	/* libvirt applies the seclabel of a disk to the data file of its image, too. */
	const struct override *inherited;
};

__attribute__((format(printf, 3, 4))) static bool fail_line(
	struct parser *p, long line, const char *format, ...)
{
	cleanup_free char *what = NULL;
	va_list ap;

	/* What follows from a first error says less than it. */
	if (*p->error)
		return false;
	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		what = NULL;
	va_end(ap);
	*p->error = xasprintf("%s:%ld: %s", p->name, line, what ? what : "malformed");
	return false;
}

#define fail(p, node, ...) fail_line(p, xmlGetLineNo(node), __VA_ARGS__)

/* A text of libxml2 as one of ours. Only a lack of memory gives NULL here. */
static char *take(xmlChar *text)
{
	if (!text)
		die("out of memory");
	char *copy = xstrdup((const char *)text);
	xmlFree(text);
	return copy;
}

/* Elements with a namespace are others' extensions: libvirt's XPaths don't match them. */
static bool is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !node->ns &&
	       strcmp((const char *)node->name, name) == 0;
}

/* The first of these at or behind node. */
static const xmlNode *find(const xmlNode *node, const char *name)
{
	while (node && !is_element(node, name))
		node = node->next;
	return node;
}

static const xmlNode *child(const xmlNode *node, const char *name)
{
	return find(node->children, name);
}

/* Walks the children of that name. */
#define for_children(n, parent, name)                                                              \
	for (const xmlNode *n = child(parent, name); n; n = find(n->next, name))

/* A new string, or NULL where there is no such attribute. */
static char *attribute(const xmlNode *node, const char *name)
{
	if (!xmlHasNsProp((xmlNode *)node, (const xmlChar *)name, NULL))
		return NULL;
	return take(xmlGetNoNsProp((xmlNode *)node, (const xmlChar *)name));
}

static char *content(const xmlNode *node)
{
	return take(xmlNodeGetContent(node));
}

static char *child_attribute(const xmlNode *node, const char *name, const char *of)
{
	const xmlNode *n = child(node, name);

	return n ? attribute(n, of) : NULL;
}

static bool is(const char *value, const char *expected)
{
	return value && strcmp(value, expected) == 0;
}

static bool fail_value(struct parser *p, const xmlNode *node, const char *name, const char *value)
{
	return fail(p, node, "<%s %s='%s'>: this value is unknown", (const char *)node->name, name,
		value);
}

/* Leaves *result as it is where there is no such attribute. */
static bool parse_yes_no(struct parser *p, const xmlNode *node, const char *name, bool *result)
{
	cleanup_free char *value = attribute(node, name);

	if (!value)
		return true;
	if (!is(value, "yes") && !is(value, "no"))
		return fail_value(p, node, name, value);
	*result = is(value, "yes");
	return true;
}

/*
 * USER:GROUP as virParseOwnershipIds() splits it. A name of an account can hold a
 * space, but neither a colon nor control characters nor a space first.
 */
static bool is_label(const char *label)
{
	const char *colon = strchr(label, ':');

	if (!colon || colon == label || !colon[1] || strchr(colon + 1, ':'))
		return false;
	if (*label == ' ' || colon[1] == ' ' || strlen(label) >= LABEL_SIZE)
		return false;
	for (const char *c = label; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

/* An empty <label/> counts as none, as in libvirt. */
static bool parse_label(struct parser *p, const xmlNode *seclabel, char **label)
{
	const xmlNode *node = child(seclabel, "label");
	cleanup_free char *text = node ? content(node) : NULL;

	*label = NULL;
	if (!text || !*text)
		return true;
	if (!is_label(text))
		return fail(p, node,
			"<label> of model dac: \"%.256s\" is not of the form USER:GROUP", text);
	*label = steal_pointer(&text);
	return true;
}

/*
 * The seclabel of model dac among the children. One without a model means the first
 * security driver of the host, which dac is nowhere.
 */
static bool find_dac(struct parser *p, const xmlNode *parent, const xmlNode **found)
{
	*found = NULL;
	for_children(n, parent, "seclabel")
	{
		cleanup_free char *model = attribute(n, "model");
		if (!is(model, "dac"))
			continue;
		if (*found)
			return fail(p, n, "a second <seclabel> of model dac at the same place");
		*found = n;
	}
	return true;
}

/* The rules of virSecurityLabelDefParseXML(), which refuses the contradictions, too. */
static bool parse_domain_seclabel(struct parser *p, const xmlNode *root)
{
	const xmlNode *node;
	cleanup_free char *label = NULL;

	if (!find_dac(p, root, &node))
		return false;
	if (!node)
		return true;
	cleanup_free char *type = attribute(node, "type");
	bool is_static = is(type, "static"), is_none = is(type, "none");
	if (type && !is_static && !is_none && !is(type, "dynamic"))
		return fail_value(p, node, "type", type);

	p->relabel = !is_static && !is_none;
	if (!parse_yes_no(p, node, "relabel", &p->relabel) || !parse_label(p, node, &label))
		return false;
	if (is_none && p->relabel)
		return fail(p, node, "<seclabel> of type none with relabel='yes'");
	if (!is_none && !is_static && !p->relabel)
		return fail(p, node, "<seclabel> of type dynamic with relabel='no'");
	if (is_static && !label)
		return fail(p, node, "<seclabel> of type static without a <label>");
	/* A dynamic label is output: what a running domain was given. Elsewhere it is stale. */
	if (is_static || (!is_none && p->active))
		p->domain->label = steal_pointer(&label);
	return true;
}

/* As virSecurityDeviceLabelDefParseXML() and ...Validate() have it. */
static bool parse_override(struct parser *p, const xmlNode *source, struct override *override)
{
	const xmlNode *node;

	if (!find_dac(p, source, &node))
		return false;
	override->present = node != NULL;
	override->relabel = true;
	if (!node)
		return true;
	if (!p->relabel)
		return fail(p, node,
			"<seclabel> of a source, while that of the domain has relabel='no'");
	if (!parse_yes_no(p, node, "relabel", &override->relabel) ||
		!parse_label(p, node, &override->label))
		return false;
	if (override->label && !override->relabel)
		return fail(p, node, "<seclabel> with a <label> and relabel='no'");
	return true;
}

static struct claim_request *add(struct parser *p, const struct image *image)
{
	struct domain *domain = p->domain;

	if (domain->n_resources == p->allocated) {
		p->allocated = p->allocated ? p->allocated * 2 : 8;
		domain->resources =
			xreallocarray(domain->resources, p->allocated, sizeof(*domain->resources));
	}
	struct claim_request *r = &domain->resources[domain->n_resources++];
	*r = (struct claim_request){
		.kind = image->kind,
		.access = image->access,
		.action = image->action,
		.source = xstrdup(image->source),
		.reason = xstrdup(image->reason),
		.format = image->format ? xstrdup(image->format) : NULL,
		.shared = image->shared,
		.optional = image->optional,
	};
	return r;
}

static void add_unhandled(struct parser *p, const struct image *image, const char *reason)
{
	struct image unhandled = *image;

	unhandled.action = ACTION_LEAVE;
	unhandled.access = image->shared ? ACCESS_RW : ACCESS_RO;
	unhandled.reason = reason;
	add(p, &unhandled);
}

/* The order in which virSecurityDACSetImageLabelInternal() looks at the seclabels. */
static bool add_path(struct parser *p, const xmlNode *node, const char *path,
	const struct override *own, const struct image *image)
{
	const struct override *inherited = image->inherited;
	bool decides = own && own->present && (!own->relabel || own->label);
	const struct override *override = decides || !inherited ? own : inherited;
	struct image local = *image;

	if (*path != '/')
		return fail(p, node, "%s: the path \"%s\" is not absolute", image->source, path);
	if (local.action == ACTION_CLAIM && (!p->relabel || (override && !override->relabel))) {
		local.action = ACTION_CHECK;
		local.reason = p->relabel ? "relabel='no'" : "relabel='no' of the domain";
	}
	struct claim_request *resource = add(p, &local);
	resource->path = xstrdup(path);
	if (override && override->label)
		resource->label = xstrdup(override->label);
	return true;
}

static bool add_source(struct parser *p, const char *type, const xmlNode *source,
	const struct override *own, const struct image *image)
{
	bool is_file = is(type, "file");

	if (!is_file && !is(type, "block")) {
		cleanup_free char *reason = xasprintf("type %s", type);
		add_unhandled(p, image, reason);
		return true;
	}
	cleanup_free char *fdgroup = is_file ? attribute(source, "fdgroup") : NULL;
	if (fdgroup) {
		add_unhandled(p, image, "fdgroup");
		return true;
	}
	/* An empty path means an empty drive, as in libvirt. */
	cleanup_free char *path = attribute(source, is_file ? "file" : "dev");
	return !path || !*path || add_path(p, source, path, own, image);
}

/* Where the guest's data lies if the image holds only its tables. */
static bool add_data_store(struct parser *p, const xmlNode *source, const struct override *own,
	const struct image *image)
{
	const xmlNode *store = child(source, "dataStore");

	if (!store)
		return true;
	cleanup_free char *type = attribute(store, "type");
	cleanup_free char *format = child_attribute(store, "format", "type");
	cleanup_free char *name = xasprintf("data file of %s", image->source);
	struct image data = *image;
	struct override override = {0};
	const xmlNode *data_source = child(store, "source");

	data.source = name;
	data.format = format;
	data.inherited = own;
	if (!data_source)
		return fail(p, store, "<dataStore> without a <source>");
	bool ok = parse_override(p, data_source, &override) &&
		  add_source(p, type ? type : "file", data_source, &override, &data);
	free(override.label);
	return ok;
}

static bool add_image(
	struct parser *p, const char *type, const xmlNode *source, const struct image *image)
{
	struct override own = {0};
	bool ok = parse_override(p, source, &own) && add_source(p, type, source, &own, image) &&
		  add_data_store(p, source, &own, image);

	free(own.label);
	return ok;
}

/* Each <backingStore> stands in the one above it; one without a type ends the chain. */
static bool add_backing(struct parser *p, const xmlNode *disk, const struct image *image)
{
	cleanup_free char *name = xasprintf("backing file of %s", image->source);

	for (const xmlNode *n = child(disk, "backingStore"); n; n = child(n, "backingStore")) {
		cleanup_free char *type = attribute(n, "type");
		cleanup_free char *format = child_attribute(n, "format", "type");
		const xmlNode *source = child(n, "source");
		const struct image backing = {
			.kind = RESOURCE_BACKING,
			.access = ACCESS_RO,
			.action = ACTION_CHECK,
			.reason = "backing file",
			.source = name,
			.format = format,
			.optional = image->optional,
		};

		if (!type)
			break;
		if (!source)
			return fail(p, n, "<backingStore> without a <source>");
		if (!add_image(p, type, source, &backing))
			return false;
	}
	return true;
}

static bool parse_device(struct parser *p, const xmlNode *disk, bool *is_cdrom)
{
	cleanup_free char *device = attribute(disk, "device");

	*is_cdrom = is(device, "cdrom");
	if (device && !*is_cdrom && !is(device, "disk") && !is(device, "floppy") &&
		!is(device, "lun"))
		return fail_value(p, disk, "device", device);
	return true;
}

static bool parse_startup_policy(struct parser *p, const xmlNode *source, bool *optional)
{
	cleanup_free char *policy = attribute(source, "startupPolicy");

	*optional = is(policy, "optional") || is(policy, "requisite");
	if (policy && !*optional && !is(policy, "mandatory"))
		return fail_value(p, source, "startupPolicy", policy);
	return true;
}

/* A CD-ROM is read-only whether it says so or not (virDomainDiskDefPostParse()). */
static void treat_disk(const xmlNode *disk, bool is_cdrom, struct image *image)
{
	image->access = ACCESS_RO;
	image->action = ACTION_CHECK;
	if (is_cdrom) {
		image->reason = "CD-ROM";
	} else if (child(disk, "readonly")) {
		image->reason = "read-only";
	} else if (child(disk, "transient")) {
		/* What the guest writes goes to another file, which is thrown away. */
		image->reason = "transient";
	} else if (child(disk, "shareable")) {
		image->access = ACCESS_RW;
		image->reason = "shareable";
		image->shared = true;
	} else {
		image->access = ACCESS_RW;
		image->action = ACTION_CLAIM;
		image->reason = "writable, exclusive";
	}
}

static void add_mirror(struct parser *p, const xmlNode *disk, const struct image *image)
{
	cleanup_free char *name = xasprintf("mirror of %s", image->source);
	const struct image mirror = {.kind = RESOURCE_DISK, .source = name};

	if (child(disk, "mirror"))
		add_unhandled(p, &mirror, "mirror of a block job");
}

static bool parse_disk(struct parser *p, const xmlNode *disk)
{
	cleanup_free char *type = attribute(disk, "type");
	cleanup_free char *target = child_attribute(disk, "target", "dev");
	cleanup_free char *format = child_attribute(disk, "driver", "type");
	cleanup_free char *name = target ? xasprintf("disk %s", target) : xstrdup("a disk");
	const xmlNode *source = child(disk, "source");
	struct image image = {.kind = RESOURCE_DISK, .source = name, .format = format};
	bool is_cdrom;

	if (!parse_device(p, disk, &is_cdrom))
		return false;
	if (!source)
		return true;
	if (!parse_startup_policy(p, source, &image.optional))
		return false;
	treat_disk(disk, is_cdrom, &image);
	if (!add_image(p, type ? type : "file", source, &image) || !add_backing(p, disk, &image))
		return false;
	add_mirror(p, disk, &image);
	return true;
}

static bool parse_devices(struct parser *p, const xmlNode *devices)
{
	for_children(disk, devices, "disk")
	{
		if (!parse_disk(p, disk))
			return false;
	}
	return true;
}

static bool parse_nvram(struct parser *p, const xmlNode *node)
{
	cleanup_free char *type = attribute(node, "type");
	cleanup_free char *format = attribute(node, "format");
	const xmlNode *source = child(node, "source");
	const struct image image = {
		.kind = RESOURCE_NVRAM,
		.access = ACCESS_RW,
		.action = ACTION_CLAIM,
		.reason = "writable, exclusive",
		.source = "nvram",
		.format = format,
	};

	if (type && !source)
		return fail(p, node, "<nvram type='%s'> without a <source>", type);
	if (type)
		return add_image(p, type, source, &image);
	/* With a template alone, libvirt makes up the path when it first starts the domain. */
	cleanup_free char *path = content(node);
	return !*path || add_path(p, node, path, NULL, &image);
}

/*
 * libvirt leaves the owner of a loader alone, and lets QEMU write a pflash that is not
 * marked read-only (qemuDomainInitializePflashStorageSource()).
 */
static bool parse_loader(struct parser *p, const xmlNode *node)
{
	cleanup_free char *type = attribute(node, "type");
	cleanup_free char *path = content(node);
	struct image image = {
		.kind = RESOURCE_LOADER,
		.access = ACCESS_RO,
		.action = ACTION_CHECK,
		.reason = "loader",
		.source = "loader",
	};
	bool readonly = false;

	if (type && !is(type, "rom") && !is(type, "pflash"))
		return fail_value(p, node, "type", type);
	if (!parse_yes_no(p, node, "readonly", &readonly))
		return false;
	if (is(type, "pflash") && !readonly) {
		image.access = ACCESS_RW;
		image.reason = "writable loader";
	}
	return !*path || add_path(p, node, path, NULL, &image);
}

static bool parse_boot_file(struct parser *p, const xmlNode *node)
{
	static const enum resource_kind kinds[] = {RESOURCE_KERNEL, RESOURCE_INITRD, RESOURCE_DTB};
	const char *name = (const char *)node->name;
	struct image image = {
		.access = ACCESS_RO, .action = ACTION_CHECK, .reason = name, .source = name};
	cleanup_free char *path = content(node);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is(name, resource_kind_name(kinds[i])))
			image.kind = kinds[i];
	return !*path || add_path(p, node, path, NULL, &image);
}

/* The first of each name in the document counts, as in libvirt. */
static bool parse_os(struct parser *p, const xmlNode *os)
{
	static const struct {
		const char *name;
		bool (*parse)(struct parser *p, const xmlNode *node);
	} files[] = {
		{"loader", parse_loader},
		{"nvram", parse_nvram},
		{"kernel", parse_boot_file},
		{"initrd", parse_boot_file},
		{"dtb", parse_boot_file},
	};

	for (const xmlNode *n = os->children; n; n = n->next) {
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			if (!is_element(n, files[i].name) || p->boot_files_seen & 1u << i)
				continue;
			p->boot_files_seen |= 1u << i;
			if (!files[i].parse(p, n))
				return false;
		}
	}
	return true;
}

static bool parse_resources(struct parser *p, const xmlNode *root)
{
	for (const xmlNode *n = root->children; n; n = n->next) {
		if (is_element(n, "os") && !parse_os(p, n))
			return false;
		if (is_element(n, "devices") && !parse_devices(p, n))
			return false;
	}
	return true;
}

static bool parse_domain(struct parser *p, const xmlNode *root)
{
	const xmlNode *name;

	if (!is_element(root, "domain"))
		return fail(p, root, "the root element is <%s>, not libvirt's <domain>",
			(const char *)root->name);
	name = child(root, "name");
	cleanup_free char *text = name ? content(name) : NULL;
	p->domain->name = text && *text ? steal_pointer(&text) : NULL;
	/* libvirt writes an id for running domains only. */
	p->active = xmlHasNsProp((xmlNode *)root, (const xmlChar *)"id", NULL);
	/* It stands behind the devices, and decides about them. */
	return parse_domain_seclabel(p, root) && parse_resources(p, root);
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
	fail_line(xml->_private, xml->input->line, "a document type declaration is not accepted");
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
		fail_line(xml->_private, error->line, "not well-formed XML: %.*s",
			(int)strcspn(message, "\n"), message);
}

/*
 * libxml2 compares each attribute of an element with all before it, so that a document
 * of some megabytes could keep it busy for an hour. Outside of quotes there is one "=" per
 * attribute, and no "<" stands within a tag.
 */
static bool check_attributes(struct parser *p, const char *text, size_t length)
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
			return fail_line(
				p, line, "an element has more than %d attributes", MAX_ATTRIBUTES);
		}
	}
	return true;
}

/*
 * Paths are taken as the bytes that stand there, so UTF-8 is read whatever the document
 * says. One that says otherwise would mean other files to libvirt.
 */
static bool check_encoding(struct parser *p, const char *text, size_t length)
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
	return fail_line(p, 1, "another encoding than UTF-8 is declared");
}

/* Bytes that end the reading of C strings, and sizes that libxml2 bounds less clearly. */
static bool check_text(struct parser *p, const char *text, size_t length)
{
	const char *nul = length ? memchr(text, '\0', length) : NULL;
	long line = 1;

	if (length == 0)
		return fail_line(p, 1, "the document is empty");
	if (length > DOMAIN_MAX_SIZE)
		return fail_line(p, 1, "larger than the %zu bytes that are read of a domain",
			DOMAIN_MAX_SIZE);
	for (const char *c = text; nul && c < nul; c++)
		line += *c == '\n';
	return !nul || fail_line(p, line, "text was expected, not a NUL byte");
}

static bool parse_text(struct parser *p, const char *text, size_t length)
{
	xmlParserCtxt *xml = xmlNewParserCtxt();
	bool ok = false;

	if (!xml)
		die("out of memory");
	xml->_private = p;
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
		fail_line(p, 1, "a document type declaration is not accepted");
	else if (!root)
		fail_line(p, 1, "not well-formed XML");
	else if (!*p->error)
		ok = parse_domain(p, root);
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(xml);
	return ok;
}

struct domain *domain_parse(const char *name, const char *text, size_t length, char **error)
{
	struct domain *domain = xcalloc(1, sizeof(*domain));
	struct parser p = {.domain = domain, .name = name, .relabel = true, .error = error};

	*error = NULL;
	if (check_text(&p, text, length) && check_encoding(&p, text, length) &&
		check_attributes(&p, text, length) && parse_text(&p, text, length))
		return domain;
	domain_free(domain);
	return NULL;
}

void domain_free(struct domain *domain)
{
	if (!domain)
		return;
	for (size_t i = 0; i < domain->n_resources; i++) {
		struct claim_request *r = &domain->resources[i];
		free(r->path);
		free(r->source);
		free(r->reason);
		free(r->format);
		free(r->label);
	}
	free(domain->resources);
	free(domain->name);
	free(domain->label);
	free(domain);
}
