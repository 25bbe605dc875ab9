/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ACL of a claimed object beside the grants that VMs have on the same object: a grant is
 * nothing that the object's owner has changed, and comes and goes by itself.
 *
 * Private to claims/.
 */
#pragma once

#include "claims/journal.h"

#include <stddef.h>

/*
 * The access ACL of the entry's ownable with what VMs have been granted put in, for its release;
 * or taken out, from what was read at its claim. all are the journals of all VMs, in which
 * journal, the entry's, stands for its own copy. new; NULL and a new message on failure.
 */
char *acl_kept_with_grants(const struct journal *journal, const struct entry *e,
	struct journal *const *all, size_t n_all, char **error);
char *acl_kept_without_grants(const struct journal *journal, const struct entry *e,
	struct journal *const *all, size_t n_all, char **error);
