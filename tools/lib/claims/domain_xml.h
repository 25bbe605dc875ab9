/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files of the host a libvirt domain names, and what each of them needs.
 * Pure: XML text in, a list or one message out; nothing on the host is looked at,
 * no network is used, no entity is expanded. The document itself is bounded in
 * size and depth, and one with a document type declaration is refused.
 *
 * The rules are libvirt's: docs/formatdomain.rst for the elements,
 * virSecurityDACSetImageLabelInternal() and virSecurityDACGenLabel() in
 * src/security/security_dac.c for the labels of model "dac".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define DOMAIN_MAX_SIZE ((size_t)10 * 1024 * 1024)

enum domain_kind {
	DOMAIN_DISK,	/* what the guest writes or reads as a disk, floppy or CD */
	DOMAIN_BACKING, /* a <backingStore> below a disk, however deep */
	DOMAIN_NVRAM,
	DOMAIN_KERNEL,
	DOMAIN_INITRD,
	DOMAIN_DTB,
	DOMAIN_LOADER,
};

enum domain_treatment {
	DOMAIN_CLAIM,	    /* writable and exclusive: to be given to the QEMU user */
	DOMAIN_CHECK_WRITE, /* stays its owner's (relabel='no'); QEMU writes it */
	DOMAIN_CHECK_READ,  /* stays its owner's: read-only, shared, backing, CD, kernel, loader */
	DOMAIN_UNHANDLED, /* network, volume, dir, nvme, vhostuser, fdgroup: named in the summary */
};

struct domain_resource {
	enum domain_kind kind;
	enum domain_treatment treatment;
	char *path;   /* absolute; NULL only for DOMAIN_UNHANDLED */
	char *source; /* where it stands, for people: "disk vda", "backing file of disk vda",
			 "nvram" */
	char *reason; /* why this treatment: "writable, exclusive", "shareable", "type network", ...
		       */
	char *format; /* <driver type=> of a disk, <format type=> of a backing file, or NULL */
	char *label;  /* "USER:GROUP" of its own seclabel of model dac, or NULL: that of the domain
		       */
	bool shared;  /* <shareable/>: QEMU writes it, together with others */
	bool optional; /* startupPolicy optional or requisite: may be missing */
	/* Never of an XML: for callers that have other resources too. */
	bool is_device;	  /* a character device will do */
	bool handed_over; /* QEMU gets a descriptor: the way to the object does not matter */
	int made; /* a descriptor of it, just made by the caller at path; 0: reached by path */
};

struct domain {
	char *name;  /* <name>, or NULL */
	char *label; /* "USER:GROUP" of the domain's seclabel of model dac, or NULL: qemu.conf's */
	struct domain_resource *resources; /* in the order of the document */
	size_t n_resources;
};

/*
 * Parses the length bytes at text. name stands in messages. Returns a new object that
 * domain_free() releases, or NULL and in *error a new message "name:line: what is wrong"
 * that the caller frees. A relative path, an unknown value of an attribute that decides
 * about the treatment, and a malformed seclabel of model dac are errors. Whether users
 * and groups of labels exist is not looked at here.
 */
struct domain *domain_parse(const char *name, const char *text, size_t length, char **error);
void domain_free(struct domain *domain);

/* "disk", "backing", ...: for reports. */
const char *domain_kind_name(enum domain_kind kind);
