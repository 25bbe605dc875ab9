/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Values of qemu.conf, from words of a command line and back into the file's syntax. Pure:
 * no file is read here.
 *
 * Private to conf/.
 */
#pragma once

#include "conf/conf.h"
#include "conf/confkeys.h"

#include <stdbool.h>

/*
 * The text that stands for the value in a file, new: "qemu", 1, [ "a", "b" ]. Strings are
 * in double quotes where they can be, which is the one kind that all readers know. NULL,
 * and in *error a new message, for a string that the syntax has no way to write, or that
 * would not be on one line.
 */
char *confvalue_format(const struct conf_value *value, char **error);

/* As confvalue_format(), but a string that is the whole value stands without quotes. New. */
char *confvalue_show(const struct conf_value *value);

/*
 * What the word of a command line means as the value of key, in the file's syntax, new: a
 * word for a key that libvirt reads as a string is quoted; one that begins with "[" for a
 * key that can be a list is a list in the file's syntax. With key NULL, for a key that is
 * not known, the word must be a value in the file's syntax. NULL, and in *error a new
 * message, if libvirt or the tools of this package would not take the value.
 */
char *confvalue_from_word(
	const char *name, const struct confkey *key, const char *word, char **error);
