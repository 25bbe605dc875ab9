/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong, or likely not what was meant, in a qemu.conf. Private to conf/. */
#pragma once

#include "conf/confedit.h"

#include <stddef.h>

struct finding {
	const char *kind;	/* "syntax", "unknown-key", ...: those of tests/schema */
	unsigned line, column;	/* from 1; 0: of the file as a whole */
	char *key;		/* NULL: of none */
	char *message;		/* without the place */
	const char *suggestion; /* of unknown-key: the nearest known name, or NULL */
};

/*
 * Examines the text, whose name stands in no message, and asks the account database for the
 * users and groups in it. *findings is new, in the order of the text. A text with a syntax
 * error has that one finding.
 */
size_t conflint(const struct conftext *text, struct finding **findings);

/* Adds one that the text does not show. */
void conflint_add(
	struct finding **findings, size_t *n, const char *kind, const char *key, char *message);

void conflint_free(struct finding *findings, size_t n);
