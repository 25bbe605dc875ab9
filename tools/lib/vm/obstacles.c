/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/obstacles.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void obstacles_add(struct obstacles *obstacles, const char *object, const char *source,
	const char *message, bool refuses)
{
	ARRAY_GROW(obstacles->all, obstacles->n);
	obstacles->all[obstacles->n++] = (struct obstacle){
		.object = object ? xstrdup(object) : NULL,
		.source = source ? xstrdup(source) : NULL,
		.message = xstrdup(message),
		.refuses = refuses,
	};
}

void obstacles_of(struct obstacles *obstacles, const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		if (item->action == ACTION_REFUSE || item->differs)
			obstacles_add(obstacles, item->path, item->source, item->reason,
				item->action == ACTION_REFUSE);
	}
}

void obstacles_free(struct obstacles *obstacles)
{
	for (size_t i = 0; i < obstacles->n; i++) {
		free(obstacles->all[i].object);
		free(obstacles->all[i].source);
		free(obstacles->all[i].message);
	}
	free(obstacles->all);
	*obstacles = (struct obstacles){0};
}

void obstacles_print(const struct obstacles *obstacles, const char *prefix)
{
	for (size_t i = 0; i < obstacles->n; i++) {
		const struct obstacle *o = &obstacles->all[i];
		const char *object = o->object ? o->object : "-";
		cleanup_free char *line = o->source ? xasprintf("%s%s (%s): %s", prefix, object,
							      o->source, o->message)
						    : xasprintf("%s%s", prefix, o->message);
		cleanup_free char *safe = log_escape(line);
		puts(safe);
	}
}

/* What helps ends a message; NULL: it has no such part. */
static const char *help_of(const char *message)
{
	const char *help = NULL;

	for (const char *at = message; (at = strstr(at, "; ")) != NULL; at += 2)
		help = at + 2;
	return help;
}

void obstacles_json(const struct obstacles *obstacles, const char *name)
{
	json_bytes("name", name);
	json_begin_array("obstacles");
	for (size_t i = 0; i < obstacles->n; i++) {
		const struct obstacle *o = &obstacles->all[i];
		const char *help = help_of(o->message);
		json_begin_object(NULL);
		json_bytes("object", o->object);
		json_bytes("source", o->source);
		json_bytes("message", o->message);
		if (help)
			json_bytes("help", help);
		json_boolean("refuses", o->refuses);
		json_end_object();
	}
	json_end_array();
}
