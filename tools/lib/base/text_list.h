/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list in a message, of as many items as an attacker likes. */
#pragma once

#include <stddef.h>

/* As many as are named. */
#define TEXT_LIST_MAX 8

/* Begins as {.separator = ", "}. */
struct text_list {
	const char *separator;
	char *text;
	size_t n;
};

void text_list_add(struct text_list *list, const char *item, size_t length);
/* The list, new: "A, B and 3 more"; "" where there is nothing in it. Begins another one. */
char *text_list_end(struct text_list *list);
