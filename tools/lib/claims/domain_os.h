/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files in <os>: the loader and its variables (NVRAM, varstore), kernel, initrd, shim and
 * device tree. Private to claims/.
 */
#pragma once

#include "claims/domain_parser.h"

/*
 * Adds what an <os> needs; there can be several, and the first file of each name in the document
 * counts, as in libvirt. False and a message: malformed.
 */
bool domain_os_parse(struct domain_parser *p, const xmlNode *os);
