/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What --check says: each thing for which a start fails, or after which QEMU does not do what it
 * did as root.
 */
#pragma once

#include "vm/state.h"

#include <stdbool.h>
#include <stddef.h>

struct obstacle {
	char *object;  /* a path, or what else it is about; NULL: nothing that has a name */
	char *source;  /* the option that names it; NULL: the message names what it is about */
	char *message; /* the cause, and in the end what helps, if something does */
	char *help;    /* the command of that, see base/help.h; NULL: no command would do */
	bool refuses;  /* the start; else QEMU starts, and something is different */
};

struct obstacles {
	struct obstacle *all;
	size_t n;
};

/* Appends one; the texts are copied. */
void obstacles_add(struct obstacles *obstacles, const struct obstacle *obstacle);

/* Appends those of the plan, in the order of its items. */
void obstacles_of(struct obstacles *obstacles, const struct vm *vm);

void obstacles_free(struct obstacles *obstacles);

/* Prints a line for each, with prefix in front of it, on standard output. */
void obstacles_print(const struct obstacles *obstacles, const char *prefix);

/* Writes the members of one VM, "name" (NULL: it has none) and "obstacles", into a JSON object. */
void obstacles_json(const struct obstacles *obstacles, const char *name);
