/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys that libvirt knows in qemu.conf, and the type that it reads each with.
 *
 * The names and types are facts of libvirt's src/qemu/qemu_conf.c, from 9.0 on and with
 * those that newer versions have, up to 12.8, and of keys that it only still accepts. tests/cli
 * checks that none of the distribution's own file, and of libvirt's augeas lens, is missing.
 *
 * Private to conf/.
 */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>

enum confkey_type {
	CONFKEY_STRING,
	CONFKEY_BOOLEAN, /* 0 or 1 */
	CONFKEY_INTEGER, /* an int */
	CONFKEY_COUNT,	 /* an unsigned int */
	CONFKEY_LIST,	 /* of strings */
	CONFKEY_STRING_OR_LIST,
	CONFKEY_SIZE,  /* max_core: bytes, or "unlimited" */
	CONFKEY_BYTES, /* bytes, or a string of a number and a unit: "10GiB" */
	CONFKEY_USER,  /* a string that names an account */
	CONFKEY_GROUP,
};

struct confkey {
	const char *name;
	enum confkey_type type;
};

/* The key of that name, or NULL. Case counts, as it does in libvirt. */
const struct confkey *confkey_find(const char *name);

/*
 * The known key that name is most likely meant to be: the one that the fewest letters put
 * in, left out, replaced or swapped make of it. NULL if it resembles none.
 */
const struct confkey *confkey_nearest(const char *name);

/* Whether libvirt takes the value for that key; if not, *expected is what it wants. */
bool confkey_accepts(
	const struct confkey *key, const struct conf_value *value, const char **expected);
