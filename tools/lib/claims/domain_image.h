/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Images that a domain names: where their bytes lie, in a file, a block device or elsewhere, and
 * the files below them. Image headers are never read: what the document does not name is not
 * looked for. Private to claims/.
 */
#pragma once

#include "claims/domain_label.h"

/* What is known of an image before its <source> is read. */
struct domain_image {
	enum resource_kind kind;
	enum resource_access access;
	enum resource_action action;
	const char *reason;
	const char *source; /* for people */
	const char *format;
	bool shared, optional;
	/* libvirt applies the seclabel of a disk to the data file of its image, too. */
	const struct domain_override *inherited;
};

/* What a VM keeps beside its disks, and writes: UEFI variables, a pstore. source: for people. */
struct domain_image domain_image_written(const char *source);

/*
 * Adds a request for the image of a <source> of that type ("file", "block", ...), and one for
 * its data file. False and a message where they are malformed.
 */
bool domain_image_add(struct domain_parser *p, const char *type, const xmlNode *source,
	const struct domain_image *image);
/*
 * Adds a request for the image at the path that node has; own: the seclabel of its <source>, or
 * NULL. Adds nothing without a path, or for an empty one, which is an empty drive, as in libvirt.
 * False and a message if the path is relative.
 */
bool domain_image_add_path(struct domain_parser *p, const xmlNode *node, const char *path,
	const struct domain_override *own, const struct domain_image *image);
/* The backing files below the image of a disk. */
bool domain_image_add_backing(
	struct domain_parser *p, const xmlNode *disk, const struct domain_image *image);
/* One that is not handled, for that reason, and only listed. */
void domain_image_leave(
	struct domain_parser *p, const struct domain_image *image, const char *reason);
