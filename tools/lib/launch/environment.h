/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The environment that a program gets when root starts it for somebody else. */
#pragma once

#include "base/ids.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * The environment of a program that is started by root and then is somebody
 * else: LANG, LC_*, TERM, TZ and TMPDIR of the caller's environment old, the
 * variables named in keep, a fixed PATH, and the account's HOME, USER, LOGNAME
 * and SHELL. Everything else is left out: root's environment holds secrets,
 * names root's files, and steers libraries. Where a name is there twice, the
 * first one counts, as for getenv(3).
 *
 * Returns a new NULL-terminated array of new strings; environment_free().
 */
char **environment_reduce(
	char *const *old, const struct identity *identity, const char *const *keep, size_t n_keep);
void environment_free(char **environment);

/* Gives name that value, in the array or a new one, which is returned. */
char **environment_set(char **environment, const char *name, const char *value);

/* Takes name out of the array, and frees it. */
void environment_unset(char **environment, const char *name);

/* The value of name within the array, or NULL. */
const char *environment_get(char *const *environment, const char *name);

/* Whether name can be the name of a variable: not empty, no "=". */
bool environment_is_name(const char *name);
