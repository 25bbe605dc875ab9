/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_image.h"

#include "base/cleanup.h"
#include "base/log.h"

static struct claim_request *add(struct domain_parser *p, const struct domain_image *image)
{
	struct claim_request *r = claim_requests_add(p->requests);

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

struct domain_image domain_image_written(const char *source)
{
	return (struct domain_image){
		.kind = RESOURCE_NVRAM,
		.access = ACCESS_RW,
		.action = ACTION_CLAIM,
		.reason = "writable, exclusive",
		.source = source,
	};
}

void domain_image_leave(
	struct domain_parser *p, const struct domain_image *image, const char *reason)
{
	struct domain_image unhandled = *image;

	unhandled.action = ACTION_LEAVE;
	unhandled.access = image->shared ? ACCESS_RW : ACCESS_RO;
	unhandled.reason = reason;
	add(p, &unhandled);
}

/* The order in which virSecurityDACSetImageLabelInternal() looks at the seclabels. */
bool domain_image_add_path(struct domain_parser *p, const xmlNode *node, const char *path,
	const struct domain_override *own, const struct domain_image *image)
{
	const struct domain_override *inherited = image->inherited;
	bool decides = own && own->present && (!own->relabel || own->label);
	const struct domain_override *override = decides || !inherited ? own : inherited;
	struct domain_image local = *image;

	if (!path || !*path)
		return true;
	if (*path != '/')
		return xml_fail(
			&p->xml, node, "%s: the path \"%s\" is not absolute", image->source, path);
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

static bool add_source(struct domain_parser *p, const char *type, const xmlNode *source,
	const struct domain_override *own, const struct domain_image *image)
{
	bool is_file = xml_is(type, "file");

	if (!is_file && !xml_is(type, "block")) {
		cleanup_free char *reason = xasprintf("type %s", type);
		domain_image_leave(p, image, reason);
		return true;
	}
	cleanup_free char *fdgroup = is_file ? xml_attribute(source, "fdgroup") : NULL;
	if (fdgroup) {
		domain_image_leave(p, image, "fdgroup");
		return true;
	}
	cleanup_free char *path = xml_attribute(source, is_file ? "file" : "dev");
	return domain_image_add_path(p, source, path, own, image);
}

/* Where the guest's data lies if the image holds only its tables. */
static bool add_data_store(struct domain_parser *p, const xmlNode *source,
	const struct domain_override *own, const struct domain_image *image)
{
	const xmlNode *store = xml_child(source, "dataStore");

	if (!store)
		return true;
	cleanup_free char *type = xml_attribute(store, "type");
	cleanup_free char *format = xml_child_attribute(store, "format", "type");
	cleanup_free char *name = xasprintf("data file of %s", image->source);
	struct domain_image data = *image;
	struct domain_override override = {0};
	const xmlNode *data_source = xml_child(store, "source");

	data.source = name;
	data.format = format;
	data.inherited = own;
	if (!data_source)
		return xml_fail(&p->xml, store, "<dataStore> without a <source>");
	bool ok = domain_label_override(p, data_source, &override) &&
		  add_source(p, type ? type : "file", data_source, &override, &data);
	free(override.label);
	return ok;
}

bool domain_image_add(struct domain_parser *p, const char *type, const xmlNode *source,
	const struct domain_image *image)
{
	struct domain_override own = {0};
	bool ok = domain_label_override(p, source, &own) &&
		  add_source(p, type, source, &own, image) &&
		  add_data_store(p, source, &own, image);

	free(own.label);
	return ok;
}

/* Each <backingStore> stands in the one above it; one without a type ends the chain. */
bool domain_image_add_backing(
	struct domain_parser *p, const xmlNode *disk, const struct domain_image *image)
{
	cleanup_free char *name = xasprintf("backing file of %s", image->source);

	for (const xmlNode *n = xml_child(disk, "backingStore"); n;
		n = xml_child(n, "backingStore")) {
		cleanup_free char *type = xml_attribute(n, "type");
		cleanup_free char *format = xml_child_attribute(n, "format", "type");
		const xmlNode *source = xml_child(n, "source");
		const struct domain_image backing = {
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
			return xml_fail(&p->xml, n, "<backingStore> without a <source>");
		if (!domain_image_add(p, type, source, &backing))
			return false;
	}
	return true;
}
