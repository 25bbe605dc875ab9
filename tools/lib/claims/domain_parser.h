/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of a domain while its document is read. Private to claims/.
 */
#pragma once

#include "claims/request.h"
#include "claims/xml_walk.h"

struct domain_parser {
	struct xml_reader xml;
	/* Where what is read goes: the caller's. */
	struct claim_requests *requests;
	char **label; /* of the domain */
	bool relabel; /* what the domain's seclabel says; true without one */
	unsigned boot_files_seen;
};
