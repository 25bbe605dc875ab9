/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a VM wants of one object of the host: a domain's XML (domain_xml.h), the options of
 * virt-priv-chown and the planners of a command line all ask for claims in these terms.
 *
 * Private to claims/.
 */
#pragma once

#include "base/resource.h"

#include <stdbool.h>
#include <stddef.h>

struct claim_request {
	enum resource_kind kind;
	enum resource_access access; /* ACCESS_RO or ACCESS_RW: how QEMU opens it */
	/*
	 * ACTION_CLAIM: writable and exclusive, to be given to the QEMU user. ACTION_CHECK: stays
	 * its owner's: relabel='no', read-only, shared, backing, CD, kernel, loader. ACTION_LEAVE:
	 * not handled, but named in the summary: network, volume, dir, nvme, vhostuser, fdgroup.
	 */
	enum resource_action action;
	char *path;   /* absolute; NULL only for ACTION_LEAVE */
	char *source; /* where it stands, for people: "disk vda", "backing file of disk vda",
			 "nvram" */
	char *reason; /* why this action: "writable, exclusive", "shareable", "type network", ... */
	char *format; /* <driver type=> of a disk, <format type=> of a backing file, or NULL */
	char *label;  /* "USER:GROUP" of its own seclabel of model dac, or NULL: that of the domain
		       */
	bool shared;  /* <shareable/>: QEMU writes it, together with others */
	bool optional; /* startupPolicy optional or requisite: may be missing */
	/* Never of an XML: for callers that have other resources too. */
	bool is_device; /* a character device will do */
	const char
		*instead; /* what else than access lets QEMU use it: "use --disks=pass"; static */
	bool passed;	  /* QEMU gets a descriptor: the parent directories do not matter */
	int made; /* a descriptor of it, just made by the caller at path; 0: reached by path */
};

struct claim_requests {
	struct claim_request *all;
	size_t n;
};

/* A new request at the end of the list, zeroed. It lives there until the next one is added. */
struct claim_request *claim_requests_add(struct claim_requests *list);
/* Frees what the requests hold, all strings; the list is empty then. */
void claim_requests_free(struct claim_requests *list);

/*
 * Adds what an option --disk asks for: "PATH[,readonly][,shared]", in which ",," is a comma of the
 * path. Returns false and a new message in *error if it is malformed.
 */
bool claim_requests_add_disk(struct claim_requests *list, const char *text, char **error);

/*
 * The text for claim_requests_add_disk() of what is dropped, new: a path that the VM has claimed,
 * as status shows it, is that path, and its commas are not doubled; else the text itself. NULL and
 * a new message if that cannot be determined.
 */
char *claim_requests_claimed(const char *name, const char *text, char **error);

/* The same for an option --device: a device node, by its path as it is. */
bool claim_requests_add_device(struct claim_requests *list, const char *text, char **error);
