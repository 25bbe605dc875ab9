/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The domain XML that an admin names, and whether root may go by it. */
#pragma once

#include "claims/domain_xml.h"

/*
 * Reads a domain from a file or, for "-", from standard input, which is trusted: root gave it. A
 * file must be root's alone, on a safe path (path/safepath.h), since who writes it says what root
 * gives away. Returns a new object that domain_free() releases, or NULL and a new message in
 * *error.
 */
struct domain *domain_read(const char *file, char **error);
