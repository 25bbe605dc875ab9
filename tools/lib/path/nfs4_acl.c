/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/nfs4_acl.h"

#include "base/array.h"
#include "base/log.h"

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* RFC 8881, 6.2.1: type, flag and mask of an entry. */
#define ALLOWED 0
#define IDENTIFIER_GROUP 0x40U
#define WRITE_DATA 0x2U
#define APPEND_DATA 0x4U
#define DELETE_CHILD 0x40U
#define DELETE 0x10000U
#define WRITE_ACL 0x40000U
#define WRITE_OWNER 0x80000U

static const uint32_t changing =
	WRITE_DATA | APPEND_DATA | DELETE_CHILD | DELETE | WRITE_ACL | WRITE_OWNER;

struct reader {
	const char *p;
	size_t left;
};

static bool number(struct reader *r, uint32_t *out)
{
	if (r->left < sizeof *out)
		return false;
	memcpy(out, r->p, sizeof *out);
	*out = be32toh(*out);
	r->p += sizeof *out;
	r->left -= sizeof *out;
	return true;
}

/* Strings are filled up to a multiple of four bytes (RFC 4506, 4.11). */
static bool string(struct reader *r, const char **out, uint32_t *length)
{
	if (!number(r, length) || *length > r->left)
		return false;
	size_t whole = ((size_t)*length + 3) & ~(size_t)3;
	if (whole > r->left)
		return false;
	*out = r->p;
	r->p += whole;
	r->left -= whole;
	return true;
}

static bool is_special(const char *who, size_t length)
{
	static const char *const special[] = {"OWNER@", "GROUP@", "EVERYONE@"};

	for (size_t i = 0; i < N_ELEMENTS(special); i++)
		if (strlen(special[i]) == length && memcmp(special[i], who, length) == 0)
			return true;
	return false;
}

char *nfs4_acl_named_writer(const void *acl, size_t length)
{
	struct reader r = {acl, length};
	uint32_t n, type, flag, mask, who_length;
	const char *who;

	if (!number(&r, &n))
		return xstrdup("it is malformed");
	for (; n > 0; n--) {
		if (!number(&r, &type) || !number(&r, &flag) || !number(&r, &mask) ||
			!string(&r, &who, &who_length))
			return xstrdup("it is malformed");
		if (type == ALLOWED && mask & changing && !is_special(who, who_length))
			return xasprintf("%s %.*s", flag & IDENTIFIER_GROUP ? "group" : "user",
				(int)who_length, who);
	}
	return NULL;
}
