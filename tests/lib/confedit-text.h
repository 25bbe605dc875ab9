/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An edit of a text, as tests write it down: "set KEY LITERAL", "unset KEY", "revert", "restore".
 */
#pragma once

#include "conf-text.h"
#include "conf/confedit.h"

static inline void apply_edit(
	struct conftext *text, const char *what, const char *key, const char *literal)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse("x", text->bytes, text->length, &error);

	if (!conf)
		die("%s", error);
	struct confblock_place place = confblock_find(text, conf, CONFBLOCK_ROOT);
	if (strcmp(what, "set") == 0)
		confedit_set(text, conf, key, literal);
	else if (strcmp(what, "unset") == 0)
		confedit_unset(text, conf, key);
	else if (strcmp(what, "revert") == 0)
		confblock_insert(text, conf, CONFBLOCK_ROOT);
	else if (strcmp(what, "restore") == 0 && place.state == CONFBLOCK_INTACT)
		confblock_remove(text, &place);
	else
		die("there is no edit \"%s\" of this text", what);
	conf_free(conf);
}
