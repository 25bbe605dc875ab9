/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seclabels of model dac: that of the domain, and those of its disks. They say whom libvirt
 * gives the files to, and whether it does. Private to claims/.
 *
 * The rules are those of virSecurityLabelDefParseXML() and virSecurityDeviceLabelDefParseXML() in
 * libvirt's src/conf/, which refuse contradictions as well.
 */
#pragma once

#include "claims/domain_parser.h"

/* A seclabel of model dac below a <source>. */
struct domain_override {
	bool present, relabel;
	char *label; /* "USER:GROUP", owned; or NULL */
};

/*
 * The seclabel among the children of the root element: p->relabel and the domain's label. False
 * and a message where it is malformed.
 */
bool domain_label_parse(struct domain_parser *p, const xmlNode *root);
/* That of a <source>, once the domain's is known. *override is zero before. */
bool domain_label_override(
	struct domain_parser *p, const xmlNode *source, struct domain_override *override);
