/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/report.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/resource.h"

#include <stdio.h>
#include <stdlib.h>

static void print_line(char *line)
{
	cleanup_free char *safe = log_escape(line);

	puts(safe);
	free(line);
}

static int finish(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("can't write to standard output");
	return status;
}

int vm_report_obstacles(const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		if (item->action == ACTION_REFUSE)
			print_line(xasprintf("%s (%s): %s", item->path ? item->path : "-",
				item->source, item->reason));
	}
	return finish(vm->refused ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void report_json(const struct vm *vm, char *const *command)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("name", vm->name);
	json_begin_array("resources");
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		json_begin_object(NULL);
		json_bytes("path", item->path);
		json_bytes("kind", item->kind);
		json_bytes("access", resource_access_name(item->access));
		json_bytes("action", resource_action_name(item->action));
		json_bytes("source", item->source);
		json_bytes("reason", item->reason);
		json_end_object();
	}
	json_end_array();
	json_byte_strings("command", command);
	json_end_object();
	json_finish();
}

int vm_report(const struct vm *vm, char *const *command, bool json)
{
	if (json) {
		report_json(vm, command);
	} else {
		for (size_t i = 0; i < vm->n_items; i++) {
			const struct vm_item *item = &vm->items[i];
			print_line(xasprintf("%-7s %s (%s: %s)", resource_action_name(item->action),
				item->path ? item->path : "-", item->source, item->reason));
		}
		for (char *const *word = command; *word; word++)
			print_line(
				xasprintf("%s %s", word == command ? "command" : "       ", *word));
	}
	return finish(vm->refused ? LAUNCH_FAILED : EXIT_SUCCESS);
}

void vm_warn(const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		const char *path = item->path ? item->path : "-";
		if (item->action == ACTION_REFUSE)
			warn("%s (%s): %s", path, item->source, item->reason);
		else
			info("%s %s (%s: %s)", resource_action_name(item->action), path,
				item->source, item->reason);
	}
	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (r->kind == RESOURCE_WARNING)
			warn("%s: %s", r->source, r->reason);
	}
}
