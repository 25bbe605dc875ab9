/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_disk.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/domain_image.h"

static bool parse_device(struct domain_parser *p, const xmlNode *disk, bool *is_cdrom)
{
	cleanup_free char *device = xml_attribute(disk, "device");

	*is_cdrom = xml_is(device, "cdrom");
	if (device && !*is_cdrom && !xml_is(device, "disk") && !xml_is(device, "floppy") &&
		!xml_is(device, "lun"))
		return xml_fail_value(&p->xml, disk, "device", device);
	return true;
}

static bool parse_startup_policy(struct domain_parser *p, const xmlNode *source, bool *optional)
{
	cleanup_free char *policy = xml_attribute(source, "startupPolicy");

	*optional = xml_is(policy, "optional") || xml_is(policy, "requisite");
	if (policy && !*optional && !xml_is(policy, "mandatory"))
		return xml_fail_value(&p->xml, source, "startupPolicy", policy);
	return true;
}

/* A CD-ROM is read-only whether it says so or not (virDomainDiskDefPostParse()). */
static void treat_disk(const xmlNode *disk, bool is_cdrom, struct domain_image *image)
{
	image->access = ACCESS_RO;
	image->action = ACTION_CHECK;
	if (is_cdrom) {
		image->reason = "CD-ROM";
	} else if (xml_child(disk, "readonly")) {
		image->reason = "read-only";
	} else if (xml_child(disk, "transient")) {
		/* What the guest writes goes to another file, which is thrown away. */
		image->reason = "transient";
	} else if (xml_child(disk, "shareable")) {
		image->access = ACCESS_RW;
		image->reason = "shareable";
		image->shared = true;
	} else {
		image->access = ACCESS_RW;
		image->action = ACTION_CLAIM;
		image->reason = "writable, exclusive";
	}
}

static void add_mirror(
	struct domain_parser *p, const xmlNode *disk, const struct domain_image *image)
{
	cleanup_free char *name = xasprintf("mirror of %s", image->source);
	const struct domain_image mirror = {.kind = RESOURCE_DISK, .source = name};

	if (xml_child(disk, "mirror"))
		domain_image_leave(p, &mirror, "mirror of a block job");
}

bool domain_disk_parse(struct domain_parser *p, const xmlNode *disk)
{
	cleanup_free char *type = xml_attribute(disk, "type");
	cleanup_free char *target = xml_child_attribute(disk, "target", "dev");
	cleanup_free char *format = xml_child_attribute(disk, "driver", "type");
	cleanup_free char *name = target ? xasprintf("disk %s", target) : xstrdup("a disk");
	const xmlNode *source = xml_child(disk, "source");
	struct domain_image image = {.kind = RESOURCE_DISK, .source = name, .format = format};
	bool is_cdrom;

	if (!parse_device(p, disk, &is_cdrom))
		return false;
	if (!source)
		return true;
	if (!parse_startup_policy(p, source, &image.optional))
		return false;
	treat_disk(disk, is_cdrom, &image);
	if (!domain_image_add(p, type ? type : "file", source, &image) ||
		!domain_image_add_backing(p, disk, &image))
		return false;
	add_mirror(p, disk, &image);
	return true;
}
