/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX ACLs (acl(5)) of what a descriptor is of, and as text with numbers. Private to claims/.
 */
#pragma once

#include <sys/acl.h>
#include <sys/types.h>

/* acl_free(3) at the end of the scope. */
void acl_text_free(acl_t *acl);
#define cleanup_acl __attribute__((cleanup(acl_text_free)))

/* acl_get_file(3) and acl_set_file(3) by a descriptor, which may be O_PATH. */
acl_t acl_text_read(int fd, acl_type_t type);
/* The access ACL of what has that mode. */
acl_t acl_text_access(int fd, mode_t mode);
int acl_text_write(int fd, acl_type_t type, acl_t acl);

/* On one line, entries between commas; new. NULL and errno on failure. */
char *acl_text_of(acl_t acl);

/* ACL_READ, ACL_WRITE and ACL_EXECUTE, as far as the entry has them. */
unsigned acl_text_bits(acl_entry_t entry);

/* The entry with that tag and, for ACL_USER, user; NULL if there is none. */
acl_entry_t acl_text_find(acl_t acl, acl_tag_t tag, uid_t uid);

/* The entries of a that b has not, or has otherwise, as text, new; "": none. */
char *acl_text_difference(acl_t a, acl_t b);
