/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/locks.h"

#include "base/array.h"
#include "path/image_locks.h"
#include "vm/step.h"

#include <string.h>

/* QEMU takes no locks while a migration comes in. */
static bool is_incoming(const struct vm *vm)
{
	for (size_t i = 0; i < vm->args->n_options; i++)
		if (strcmp(vm->args->options[i].name, "incoming") == 0)
			return true;
	return false;
}

static bool is_turned_off(const struct vm *vm, const struct qemuargs_resource *r)
{
	static const char *const keys[] = {"file.locking", "locking"};
	enum qemuargs_form form = vm->args->options[r->option].form;
	bool has_keys =
		form == QEMUARGS_KEYVALUE || form == QEMUARGS_JSON || form == QEMUARGS_SECTION;

	for (size_t i = 0; i < N_ELEMENTS(keys) && has_keys; i++) {
		const char *value = qemuargs_get(vm->args, r->option, keys[i]);
		if (value && strcmp(value, "off") == 0)
			return true;
	}
	return false;
}

void vm_check_locks(struct vm *vm, const struct qemuargs_resource *resource,
	const struct safepath *walk, bool is_named_by_header)
{
	bool is_written =
		is_named_by_header ? resource->access == ACCESS_RW : qemuargs_is_written(resource);
	bool is_shared = resource->shared && !is_named_by_header;

	if (is_incoming(vm) || (!is_named_by_header && is_turned_off(vm, resource)))
		return;
	char *why = image_locks_why_not(walk, is_written, is_shared);
	if (why)
		vm_refuse(vm, resource, why);
}
