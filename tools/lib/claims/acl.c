/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/acl.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/acl_text.h"

#include <errno.h>
#include <string.h>

static const acl_perm_t all_bits[] = {ACL_READ, ACL_WRITE, ACL_EXECUTE};

static int set_bits(acl_entry_t entry, unsigned bits)
{
	acl_permset_t set;

	if (acl_get_permset(entry, &set) < 0 || acl_clear_perms(set) < 0)
		return -1;
	for (size_t i = 0; i < 3; i++)
		if ((bits & all_bits[i]) && acl_add_perm(set, all_bits[i]) < 0)
			return -1;
	return acl_set_permset(entry, set);
}

/* Bits that the entries of the group class have, but for that of user uid; and how many are named.
 */
static unsigned group_class(acl_t acl, uid_t uid, unsigned *named)
{
	acl_entry_t ours = acl_text_find(acl, ACL_USER, uid);
	acl_entry_t entry;
	unsigned bits = 0;

	*named = 0;
	for (int r = acl_get_entry(acl, ACL_FIRST_ENTRY, &entry); r == 1;
		r = acl_get_entry(acl, ACL_NEXT_ENTRY, &entry)) {
		acl_tag_t tag;
		if (acl_get_tag_type(entry, &tag) < 0 || entry == ours)
			continue;
		if (tag == ACL_USER || tag == ACL_GROUP)
			(*named)++;
		if (tag == ACL_USER || tag == ACL_GROUP || tag == ACL_GROUP_OBJ)
			bits |= acl_text_bits(entry);
	}
	return bits;
}

static acl_t read_acl(int fd)
{
	return acl_text_read(fd, ACL_TYPE_ACCESS);
}

static bool write_acl(int fd, acl_t acl, char **error)
{
	return acl_text_write(fd, ACL_TYPE_ACCESS, acl) == 0 ||
	       error_set_errno(error, "cannot set its ACL");
}

static acl_entry_t new_entry(acl_t *acl, acl_tag_t tag, const uid_t *uid)
{
	acl_entry_t entry;

	if (acl_create_entry(acl, &entry) < 0 || acl_set_tag_type(entry, tag) < 0 ||
		(uid && acl_set_qualifier(entry, uid) < 0))
		return NULL;
	return entry;
}

static bool add_user(acl_t *acl, uid_t uid, unsigned wanted, char **error)
{
	unsigned named;
	unsigned others = group_class(*acl, uid, &named);
	acl_entry_t mask = acl_text_find(*acl, ACL_MASK, 0);
	unsigned allowed = mask ? acl_text_bits(mask) : others;

	if (mask && (others & wanted & ~allowed)) {
		*error = xasprintf("the mask of its ACL restricts other entries, which would gain "
				   "access; first correct them with setfacl");
		return false;
	}
	acl_entry_t ours = acl_text_find(*acl, ACL_USER, uid);
	unsigned had = ours ? acl_text_bits(ours) & allowed : 0;
	if ((!ours && !new_entry(acl, ACL_USER, &uid)) ||
		(!mask && !new_entry(acl, ACL_MASK, NULL)))
		return error_set_errno(error, "cannot compute its new ACL");
	/* The array may have moved. */
	ours = acl_text_find(*acl, ACL_USER, uid);
	mask = acl_text_find(*acl, ACL_MASK, 0);
	if (!ours || !mask || set_bits(ours, had | wanted) < 0 ||
		set_bits(mask, allowed | wanted) < 0)
		return error_set_errno(error, "cannot compute its new ACL");
	return true;
}

static unsigned wanted_bits(const struct entry *grant)
{
	return grant->type == 'd' ? ACL_EXECUTE : ACL_READ;
}

bool acl_grant_plan(struct entry *e, int fd, char **error)
{
	cleanup_acl acl_t acl = read_acl(fd);

	if (!acl || !(e->acl_before = acl_text_of(acl)))
		return error_set_errno(error, "cannot read its ACL");
	if (!add_user(&acl, e->new_uid, wanted_bits(e), error))
		return false;
	if (!(e->acl_after = acl_text_of(acl)))
		return error_set_errno(error, "cannot compute its new ACL");
	return true;
}

bool acl_grant_give(struct entry *e, int fd, char **error)
{
	cleanup_acl acl_t now = read_acl(fd);
	cleanup_free char *text = now ? acl_text_of(now) : NULL;
	cleanup_acl acl_t after = acl_from_text(e->acl_after);

	if (!text || !after)
		return error_set_errno(error, "cannot read its ACL");
	/* Another VM gave it already. */
	if (strcmp(text, e->acl_after) == 0)
		return true;
	if (strcmp(text, e->acl_before) != 0) {
		*error = xstrdup("its ACL changed meanwhile; try again");
		return false;
	}
	e->changed = true;
	return write_acl(fd, after, error);
}

/* Takes out what acl_grant_give() put in, of an ACL that somebody changed since. */
static bool remove_user(acl_t now, acl_t before, acl_t after, uid_t uid, char **error)
{
	acl_entry_t ours = acl_text_find(now, ACL_USER, uid);
	acl_entry_t given = acl_text_find(after, ACL_USER, uid);
	acl_entry_t old = acl_text_find(before, ACL_USER, uid);
	unsigned named, named_before;

	/* The owner decided about the entry himself. */
	if (!ours || !given || acl_text_bits(ours) != acl_text_bits(given))
		return true;
	if (old ? set_bits(ours, acl_text_bits(old)) < 0 : acl_delete_entry(now, ours) < 0)
		return error_set_errno(error, "cannot compute its new ACL");
	acl_entry_t mask = acl_text_find(now, ACL_MASK, 0);
	acl_entry_t mask_before = acl_text_find(before, ACL_MASK, 0);
	acl_entry_t mask_after = acl_text_find(after, ACL_MASK, 0);
	unsigned others = group_class(now, old ? (uid_t)-1 : uid, &named);
	if (!mask || !mask_after)
		return true;
	unsigned allowed = acl_text_bits(mask);
	unsigned added = acl_text_bits(mask_after) &
			 ~(mask_before ? acl_text_bits(mask_before)
				       : acl_text_bits(acl_text_find(before, ACL_GROUP_OBJ, 0)));
	allowed &= ~(added & ~others);
	if (set_bits(mask, allowed) < 0)
		return error_set_errno(error, "cannot compute its new ACL");
	/*
	 * Without named entries no mask is needed: what it held back, the group goes without. One
	 * that was there for the entries of others, as for another VM's, goes with the last.
	 */
	group_class(before, (uid_t)-1, &named_before);
	if ((!mask_before || named_before > 0) && named == 0 &&
		(set_bits(acl_text_find(now, ACL_GROUP_OBJ, 0), others & allowed) < 0 ||
			acl_delete_entry(now, mask) < 0))
		return error_set_errno(error, "cannot compute its new ACL");
	return true;
}

bool acl_grant_take_back(struct entry *e, int fd, char **error)
{
	cleanup_acl acl_t now = read_acl(fd);
	cleanup_acl acl_t before = acl_from_text(e->acl_before);
	cleanup_acl acl_t after = acl_from_text(e->acl_after);
	cleanup_free char *text = now ? acl_text_of(now) : NULL;

	if (!text || !before || !after)
		return error_set_errno(error, "cannot read its ACL");
	if (strcmp(text, e->acl_before) == 0)
		return true;
	if (strcmp(text, e->acl_after) == 0)
		return write_acl(fd, before, error);
	if (!remove_user(now, before, after, e->new_uid, error))
		return false;
	cleanup_free char *wanted = acl_text_of(now);
	return (wanted && strcmp(text, wanted) == 0) || write_acl(fd, now, error);
}

char *acl_grant_in(const char *text, const struct entry *grant, char **error)
{
	cleanup_acl acl_t acl = acl_from_text(text);

	if (!acl) {
		error_set_errno(error, "cannot compute its new ACL");
		return NULL;
	}
	return add_user(&acl, grant->new_uid, wanted_bits(grant), error) ? acl_text_of(acl) : NULL;
}

char *acl_grant_out(const char *text, const struct entry *grant, char **error)
{
	cleanup_acl acl_t acl = acl_from_text(text);
	cleanup_acl acl_t before = acl_from_text(grant->acl_before);
	cleanup_acl acl_t after = acl_from_text(grant->acl_after);

	if (!acl || !before || !after) {
		error_set_errno(error, "cannot compute its new ACL");
		return NULL;
	}
	return remove_user(acl, before, after, grant->new_uid, error) ? acl_text_of(acl) : NULL;
}
