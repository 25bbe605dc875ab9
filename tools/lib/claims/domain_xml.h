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
 *
 * Private to claims/.
 */
#pragma once

#include "claims/request.h"

#include <stdbool.h>
#include <stddef.h>

#define DOMAIN_MAX_SIZE ((size_t)10 * 1024 * 1024)

struct domain {
	char *name;  /* <name>, or NULL */
	char *label; /* "USER:GROUP" of a static seclabel of model dac, or NULL: qemu.conf's */
	struct claim_requests requests; /* in the order of the document */
};

/*
 * Parses the length bytes at text. name stands in messages. Returns a new object that
 * domain_free() releases, or NULL and in *error a new message "name:line: what is wrong"
 * that the caller frees. A relative path, an unknown value of an attribute that decides
 * about what is to be done, and a malformed seclabel of model dac are errors. Whether users
 * and groups of labels exist is not looked at here.
 */
struct domain *domain_parse(const char *name, const char *text, size_t length, char **error);
void domain_free(struct domain *domain);
