/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the owner of an object can change of it (ownable.h), as data, and as lines of a journal's
 * entry: who reads journals alone needs no libacl for that. Private to claims/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ownable_attribute {
	char *name; /* begins with "user." */
	unsigned char *value;
	size_t size;
};

struct ownable {
	/* NULL: the file system has none, or it was not recorded. */
	char *acl, *default_acl; /* as acl_to_text(3), with numbers; default_acl can be "" */
	bool has_flags, has_attributes;
	/* FS_IOC_GETFLAGS, and struct fsxattr. */
	uint32_t flags, xflags, project, extent_size, cow_extent_size;
	struct ownable_attribute *attributes; /* sorted by name */
	size_t n_attributes;
	size_t n_expected; /* of the reader of a journal */
};

void ownable_free(struct ownable *ownable);
/* Adds an attribute to the end; takes both. */
void ownable_add(struct ownable *ownable, char *name, unsigned char *value, size_t size);

/* Writes the lines that say it. */
void ownable_record_put(FILE *out, const struct ownable *ownable);

enum ownable_line { OWNABLE_LINE_OTHER, OWNABLE_LINE_TAKEN, OWNABLE_LINE_BAD };

/* Takes such a line into *ownable, if it is one. */
enum ownable_line ownable_record_take(const char *key, const char *value, struct ownable *ownable);
