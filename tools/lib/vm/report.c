/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/report.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/resource.h"
#include "isolate/report.h"

#include <stdio.h>
#include <stdlib.h>

static void print_line(char *line)
{
	cleanup_free char *safe = log_escape(line);

	puts(safe);
	free(line);
}

void vm_warn_of_isolation(const struct vm *vm)
{
	const struct isolation *isolation = &vm->isolation;
	cleanup_free char *off = isolation_off(isolation);

	if (off && isolation->mode != ISOLATE_DEFAULT)
		warn("--isolate=%s: %s: turned off in %s", isolation_mode_name(isolation->mode),
			off, vm->settings->file ? vm->settings->file : "qemu.conf");
	for (size_t i = 0; i < isolation->n_lacks; i++)
		isolation_warn_without(
			isolation, isolation->lacks[i].layer, isolation->lacks[i].why);
}

/* The words of tests/schema/virt-priv-run.json. */
static const char *kind_name(enum resource_kind kind)
{
	static const char *const names[] = {
		[RESOURCE_DISK] = "disk",
		[RESOURCE_BACKING] = "disk",
		[RESOURCE_NVRAM] = "nvram",
		[RESOURCE_LOG] = "log",
		[RESOURCE_PIDFILE] = "log",
		[RESOURCE_LISTEN] = "socket",
		[RESOURCE_CONNECT] = "socket",
		[RESOURCE_TAP] = "tap",
		[RESOURCE_BRIDGE] = "tap",
		[RESOURCE_PASST] = "socket",
		[RESOURCE_VHOST_NET] = "device",
		[RESOURCE_VHOST] = "device",
		[RESOURCE_IOMMU] = "device",
		[RESOURCE_DEVICE] = "device",
		[RESOURCE_KVM] = "device",
		[RESOURCE_PCI] = "device",
		[RESOURCE_USB] = "device",
		[RESOURCE_MEMORY] = "memory",
	};
	bool has_name = kind < N_ELEMENTS(names) && names[kind];

	return has_name ? names[kind] : "file";
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
		json_bytes("kind", kind_name(item->kind));
		json_bytes("access", resource_access_name(item->access));
		json_bytes("action", resource_action_name(item->action));
		json_bytes("source", item->source);
		json_bytes("reason", item->reason);
		json_end_object();
	}
	json_end_array();
	if (vm->isolation.mode != ISOLATE_NONE)
		isolation_report_json(&vm->isolation);
	json_byte_strings("command", command);
	json_end_object();
	json_finish();
}

void vm_report(const struct vm *vm, char *const *command, bool json)
{
	if (json) {
		report_json(vm, command);
	} else {
		for (size_t i = 0; i < vm->n_items; i++) {
			const struct vm_item *item = &vm->items[i];
			print_line(xasprintf("%-7s %s (%s: %s)", resource_action_name(item->action),
				item->path ? item->path : "-", item->source, item->reason));
		}
		isolation_report(&vm->isolation);
		for (char *const *word = command; *word; word++)
			print_line(
				xasprintf("%s %s", word == command ? "command" : "       ", *word));
	}
}

void vm_warn(const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		const char *path = item->path ? item->path : "-";
		if (item->action == ACTION_REFUSE)
			log_error("%s (%s): %s", path, item->source, item->reason);
		else if (item->differs)
			warn("%s (%s): %s", path, item->source, item->reason);
		else
			info("%s %s (%s: %s)", resource_action_name(item->action), path,
				item->source, item->reason);
	}
	vm_warn_of_isolation(vm);
}
