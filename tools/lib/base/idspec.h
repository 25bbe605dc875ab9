/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a user or group is written in qemu.conf and on command lines. Pure: no
 * account is looked up here, that is ids.h.
 *
 * The form is libvirt's (virGetUserID() in its src/util/virutil.c): "+107" is
 * the number 107 and never a name; "107" is an account of that name, and the
 * number if there is none; anything else is a name. Stricter than libvirt: a
 * value that can be no id and no name is an error here instead of a look-up
 * that fails, and 4294967295 is one, since it is the -1 that tells setresuid(2)
 * and chown(2) to leave an id as it is.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct idspec {
	bool forced_numeric; /* "+107": id alone counts */
	bool numeric;	     /* id is valid: decimal digits, with or without "+" */
	uint32_t id;	     /* at most 4294967294 */
	const char *name;    /* what to look up, within spec; NULL if forced_numeric */
};

/*
 * Takes spec apart into *out, which refers to spec. Returns false, with *out
 * unchanged and in *error a new message that the caller frees ("\"+\" is ...",
 * without a place), if spec can be no user or group: empty; "+" without digits
 * alone behind it; a number above 4294967294; a name that begins with "-", or
 * contains ":" or a control character (passwd(5)).
 */
bool idspec_parse(const char *spec, struct idspec *out, char **error);

/* Ids one behind the other. */
struct id_range {
	uint32_t first;
	uint32_t count; /* at least 1 */
};

/*
 * The range of a text "FIRST:COUNT", as it stands in subuid(5). Returns false and a new message in
 * *error if it is malformed, or not within lowest and highest.
 */
bool idspec_range(
	const char *text, uint32_t lowest, uint32_t highest, struct id_range *range, char **error);
