/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_os.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "claims/domain_image.h"

static bool parse_nvram(struct domain_parser *p, const xmlNode *node)
{
	cleanup_free char *type = xml_attribute(node, "type");
	cleanup_free char *format = xml_attribute(node, "format");
	const xmlNode *source = xml_child(node, "source");
	struct domain_image image = domain_image_written("nvram");

	image.format = format;
	if (type && !source)
		return xml_fail(&p->xml, node, "<nvram type='%s'> without a <source>", type);
	if (type)
		return domain_image_add(p, type, source, &image);
	/* With a template alone, libvirt makes up the path when it first starts the domain. */
	cleanup_free char *path = xml_content(node);
	return domain_image_add_path(p, node, path, NULL, &image);
}

/*
 * The variables of a UEFI firmware in a file that QEMU's uefi-vars device writes. With a template
 * alone, libvirt makes up the path when it first starts the domain.
 */
static bool parse_varstore(struct domain_parser *p, const xmlNode *node)
{
	cleanup_free char *path = xml_attribute(node, "path");
	const struct domain_image image = domain_image_written("varstore");

	return domain_image_add_path(p, node, path, NULL, &image);
}

/*
 * libvirt leaves the owner of a loader alone, and lets QEMU write a pflash that is not
 * marked read-only (qemuDomainInitializePflashStorageSource()).
 */
static bool parse_loader(struct domain_parser *p, const xmlNode *node)
{
	cleanup_free char *type = xml_attribute(node, "type");
	cleanup_free char *path = xml_content(node);
	struct domain_image image = {
		.kind = RESOURCE_LOADER,
		.access = ACCESS_RO,
		.action = ACTION_CHECK,
		.reason = "loader",
		.source = "loader",
	};
	bool readonly = false;

	if (type && !xml_is(type, "rom") && !xml_is(type, "pflash"))
		return xml_fail_value(&p->xml, node, "type", type);
	if (!xml_yes_no(&p->xml, node, "readonly", &readonly))
		return false;
	if (xml_is(type, "pflash") && !readonly) {
		image.access = ACCESS_RW;
		image.reason = "writable loader";
	}
	return domain_image_add_path(p, node, path, NULL, &image);
}

static bool parse_boot_file(struct domain_parser *p, const xmlNode *node)
{
	static const enum resource_kind kinds[] = {RESOURCE_KERNEL, RESOURCE_INITRD, RESOURCE_DTB};
	const char *name = (const char *)node->name;
	struct domain_image image = {.kind = RESOURCE_FILE,
		.access = ACCESS_RO,
		.action = ACTION_CHECK,
		.reason = name,
		.source = name};
	cleanup_free char *path = xml_content(node);

	for (size_t i = 0; i < N_ELEMENTS(kinds); i++)
		if (xml_is(name, resource_kind_name(kinds[i])))
			image.kind = kinds[i];
	return domain_image_add_path(p, node, path, NULL, &image);
}

/* The first of each name in the document counts, as in libvirt. */
bool domain_os_parse(struct domain_parser *p, const xmlNode *os)
{
	static const struct {
		const char *name;
		bool (*parse)(struct domain_parser *p, const xmlNode *node);
	} files[] = {
		{"loader", parse_loader},
		{"nvram", parse_nvram},
		{"varstore", parse_varstore},
		{"kernel", parse_boot_file},
		{"initrd", parse_boot_file},
		{"shim", parse_boot_file},
		{"dtb", parse_boot_file},
	};

	for (const xmlNode *n = os->children; n; n = n->next) {
		for (size_t i = 0; i < N_ELEMENTS(files); i++) {
			if (!xml_is_element(n, files[i].name) || p->boot_files_seen & 1u << i)
				continue;
			p->boot_files_seen |= 1u << i;
			if (!files[i].parse(p, n))
				return false;
		}
	}
	return true;
}
