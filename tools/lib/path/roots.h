/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether an object is root's alone (trust.h), and what makes it so. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Why the object of fd does not count as root's alone, as "CAUSE; look into it, then: COMMAND",
 * with "look into it" in the words given; new. NULL: it does, and nobody else can have written what
 * it says (TRUST_STEERS). Of a directory, what is made in it counts too: its default ACL. help: see
 * base/help.h.
 */
char *roots_why_not(int fd, const struct stat *st, const char *path, const char *look, char **help);
/* Whether it is, for who does not say why not. */
bool roots_has_alone(int fd, const struct stat *st);
