/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read or search access for one more user, by an entry in the POSIX ACL (acl(5)), and
 * its end: exactly that entry and the bits of the mask that came with it.
 *
 * Private to claims/.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>

/*
 * Works out the ACL that lets e->new_uid read (a file) or search (a directory) the
 * object of fd, and fills acl_before and acl_after; nothing is changed. Returns false
 * and a new message if that can't be, or would give somebody else more as well: an entry
 * that the mask held back.
 */
bool acl_grant_plan(struct entry *e, int fd, char **error);

/* Makes it so, if the ACL is still what it was. */
bool acl_grant_give(struct entry *e, int fd, char **error);

/* Takes it back. What the owner changed meanwhile stays. */
bool acl_grant_take_back(struct entry *e, int fd, char **error);

/*
 * The ACL of that text, with what the grant puts in, and without it; new. NULL and a new
 * message on failure.
 */
char *acl_grant_in(const char *acl, const struct entry *grant, char **error);
char *acl_grant_out(const char *acl, const struct entry *grant, char **error);
