/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A <disk> of a domain: what becomes of it by its device, its flags and its startup policy.
 * Private to claims/.
 */
#pragma once

#include "claims/domain_parser.h"

/* Adds what the disk, its backing files and its mirror need. False and a message: malformed. */
bool domain_disk_parse(struct domain_parser *p, const xmlNode *disk);
