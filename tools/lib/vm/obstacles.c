/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/obstacles.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

static char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

void obstacles_add(struct obstacles *obstacles, const struct obstacle *obstacle)
{
	ARRAY_GROW(obstacles->all, obstacles->n);
	obstacles->all[obstacles->n++] = (struct obstacle){
		.object = copy(obstacle->object),
		.source = copy(obstacle->source),
		.message = xstrdup(obstacle->message),
		.help = copy(obstacle->help),
		.refuses = obstacle->refuses,
	};
}

void obstacles_of(struct obstacles *obstacles, const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		if (item->action == ACTION_REFUSE || item->differs)
			obstacles_add(obstacles,
				&(struct obstacle){item->path, item->source, item->reason,
					item->help, item->action == ACTION_REFUSE});
	}
}

void obstacles_free(struct obstacles *obstacles)
{
	for (size_t i = 0; i < obstacles->n; i++) {
		free(obstacles->all[i].object);
		free(obstacles->all[i].source);
		free(obstacles->all[i].message);
		free(obstacles->all[i].help);
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

void obstacles_json(const struct obstacles *obstacles, const char *name)
{
	json_bytes("name", name);
	json_begin_array("obstacles");
	for (size_t i = 0; i < obstacles->n; i++) {
		const struct obstacle *o = &obstacles->all[i];
		json_begin_object(NULL);
		json_bytes("object", o->object);
		json_bytes("source", o->source);
		json_bytes("message", o->message);
		if (o->help)
			json_bytes("help", o->help);
		json_boolean("refuses", o->refuses);
		json_end_object();
	}
	json_end_array();
}
