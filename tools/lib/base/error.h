/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a library function fails: it returns false (NULL, -1), and in *error is a new message that
 * the caller frees. *error need not be cleared before the call.
 */
#pragma once

#include <stdbool.h>

/* Puts the message into *error. Returns false, so that a function can return it. */
bool error_set(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same, with ": " and the text of errno, which stays, behind the message. */
bool error_set_errno(char **error, const char *format, ...) __attribute__((format(printf, 2, 3)));
