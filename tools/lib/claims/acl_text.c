/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/acl_text.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text_list.h"
#include "base/xattr.h"
#include "path/posix_acl.h"

#include <acl/libacl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

void acl_text_free(acl_t *acl)
{
	if (*acl)
		acl_free(*acl);
}

/* Through /proc: a descriptor that is O_PATH has no attributes. */
acl_t acl_text_read(int fd, acl_type_t type)
{
	return acl_get_file(IO_FD_PATH(fd), type);
}

acl_t acl_text_access(int fd, mode_t mode)
{
	bool is_mode = xattr_get(fd, POSIX_ACL_ACCESS, NULL, 0) < 0 && errno == ENODATA;

	/* acl_get_file(3) would ask for the mode. */
	return is_mode ? acl_from_mode(mode) : acl_text_read(fd, ACL_TYPE_ACCESS);
}

int acl_text_write(int fd, acl_type_t type, acl_t acl)
{
	const char *path = IO_FD_PATH(fd);

	/* An empty default ACL is none (acl_set_file(3)). */
	return type == ACL_TYPE_DEFAULT && acl_entries(acl) == 0 ? acl_delete_def_file(path)
								 : acl_set_file(path, type, acl);
}

char *acl_text_of(acl_t acl)
{
	char *text = acl_to_any_text(acl, NULL, ',', TEXT_NUMERIC_IDS);
	char *copy = text ? xstrdup(text) : NULL;

	acl_free(text);
	return copy;
}

unsigned acl_text_bits(acl_entry_t entry)
{
	static const acl_perm_t all[] = {ACL_READ, ACL_WRITE, ACL_EXECUTE};
	acl_permset_t set;
	unsigned bits = 0;

	if (acl_get_permset(entry, &set) == 0)
		for (size_t i = 0; i < 3; i++)
			if (acl_get_perm(set, all[i]) == 1)
				bits |= all[i];
	return bits;
}

acl_entry_t acl_text_find(acl_t acl, acl_tag_t wanted, uid_t uid)
{
	acl_entry_t entry;

	for (int r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r == 1;
		r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		acl_tag_t tag;
		if (acl_get_tag_type(entry, &tag) < 0 || tag != wanted)
			continue;
		if (tag != ACL_USER)
			return entry;
		uid_t *id = acl_get_qualifier(entry);
		bool same = id && *id == uid;
		acl_free(id);
		if (same)
			return entry;
	}
	return NULL;
}

/* Whether one of the entries of a text is that one. */
static bool has_entry(const char *text, const char *entry, size_t length)
{
	for (const char *p = text; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		if (n == length && memcmp(p, entry, n) == 0)
			return true;
		p += n;
	}
	return false;
}

char *acl_text_difference(acl_t a, acl_t b)
{
	cleanup_free char *ours = acl_text_of(a);
	cleanup_free char *theirs = acl_text_of(b);
	struct text_list list = {.separator = ","};

	for (const char *p = ours ? ours : ""; *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		if (!has_entry(theirs ? theirs : "", p, n))
			text_list_add(&list, p, n);
		p += n;
	}
	return text_list_end(&list);
}
