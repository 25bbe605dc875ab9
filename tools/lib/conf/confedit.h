/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Edits the text of a qemu.conf and disturbs nothing else in it: comments, order, spacing
 * and line ends stay byte for byte. Pure: text in, text out; the file is conffile.h's.
 *
 * A statement is one of conf.h's entries. A line ends with "\n", "\r\n" or "\r", and what
 * is put in ends as its neighbours do; a text without a final line end stays one.
 *
 * Private to conf/.
 */
#pragma once

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

struct conftext {
	char *bytes; /* no string: a length goes with it. NUL-terminated all the same. */
	size_t length;
};

struct conftext conftext_new(const char *bytes, size_t length);
void conftext_free(struct conftext *text);

/*
 * All of the following edit *text, whose parse conf is. Of duplicate keys the first
 * counts, so that is the one that is changed.
 *
 * confedit_set() replaces the value of key, or puts a new line "KEY = LITERAL" in: behind
 * the sample of the key if there is one ("#KEY = ..." at the start of a line, with the
 * lines of a list that begins there), else at the end.
 *
 * confedit_unset() takes every statement of the key away, since the next one would count
 * otherwise; with its line if there is nothing else on it. Returns how many there were.
 *
 * So the two undo each other where the key was not set before.
 */
void confedit_set(
	struct conftext *text, const struct conf *conf, const char *key, const char *literal);
size_t confedit_unset(struct conftext *text, const struct conf *conf, const char *key);

/*
 * Whether the parse after differs from before in nothing but key (NULL: in nothing), whose
 * first value is now LITERAL, or which is not there if that is NULL.
 */
bool confedit_is_only_change(
	const struct conf *before, const struct conf *after, const char *key, const char *literal);

/* Whether the first value of key is LITERAL, or, if that is NULL, key is not there. */
bool confedit_has_value(const struct conf *conf, const char *key, const char *literal);

/* A sample "#KEY = ..." that is no part of a value: its first line's offset. */
bool confedit_find_sample(
	const struct conftext *text, const struct conf *conf, const char *key, size_t *begin);

/*
 * Marked blocks: settings of user and group between two comments that say who put them
 * there. What is in force below a block stays in the file, and counts again once the block
 * is taken away: the first of duplicate keys is the one that counts. So a block is put in
 * before every statement of user and group, or where confedit_set() would put the user.
 */
enum confblock {
	CONFBLOCK_ROOT,	   /* revert-to-root */
	CONFBLOCK_LIBVIRT, /* of the package virt-privileges-libvirt */
};

enum confblock_state { CONFBLOCK_ABSENT, CONFBLOCK_INTACT, CONFBLOCK_EDITED };

struct confblock_place {
	enum confblock_state state;
	unsigned line;	   /* of its first line, from 1 */
	size_t begin, end; /* of an intact block, with its line ends */
};

void confblock_insert(struct conftext *text, const struct conf *conf, enum confblock which);
struct confblock_place confblock_find(
	const struct conftext *text, const struct conf *conf, enum confblock which);
/* Takes an intact block away: what confblock_insert() was given is there again. */
void confblock_remove(struct conftext *text, const struct confblock_place *place);
