/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/step.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/plan.h"
#include "path/absolute.h"
#include "path/advice.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

struct vm_item *vm_item(struct vm *vm, const struct qemuargs_resource *resource,
	enum resource_action action, char *reason)
{
	ARRAY_GROW(vm->items, vm->n_items);
	struct vm_item *item = &vm->items[vm->n_items++];
	*item = (struct vm_item){
		.path = resource->path ? xstrdup(resource->path) : NULL,
		.kind = resource->kind,
		.access = resource->access,
		.action = action,
		.source = xstrdup(resource->source),
		.reason = reason ? reason : xstrdup(resource->reason ? resource->reason : ""),
	};
	if (action == ACTION_REFUSE)
		vm->refused = true;
	return item;
}

void vm_refuse(struct vm *vm, const struct qemuargs_resource *resource, char *reason)
{
	vm_item(vm, resource, ACTION_REFUSE, reason);
}

void vm_refuse_helped(
	struct vm *vm, const struct qemuargs_resource *resource, char *reason, char *help)
{
	vm_item(vm, resource, ACTION_REFUSE, reason)->help = help;
}

void vm_differ_helped(
	struct vm *vm, const struct qemuargs_resource *resource, char *reason, char *help)
{
	struct vm_item *item = vm_item(vm, resource, ACTION_LEAVE, reason);

	item->differs = true;
	item->help = help;
}

void vm_differ(struct vm *vm, const struct qemuargs_resource *resource, char *reason)
{
	vm_differ_helped(vm, resource, reason, NULL);
}

void vm_fail(struct vm *vm, char *why)
{
	if (vm->failure)
		free(why);
	else
		vm->failure = why;
}

struct vm_step *vm_step(struct vm *vm, const char *path)
{
	ARRAY_GROW(vm->steps, vm->n_steps);
	struct vm_step *step = &vm->steps[vm->n_steps++];
	*step = (struct vm_step){.path = path ? xstrdup(path) : NULL,
		.fd = -1,
		.object = -1,
		.staging = -1,
		.kept = -1,
		.place = {.dir = -1, .walk = {.fd = -1}}};
	return step;
}

/* True: *why is NULL, and there may be denials. */
static bool find_denials(
	struct vm *vm, const struct safepath *walk, int wanted, struct denials *denials, char **why)
{
	struct safepath alone = *walk;

	/* It is mounted there, and the directories that lead to it are the VM's own. */
	if (vm_has_own_root(vm))
		alone.n_dirs = 0;
	*why = NULL;
	return access_denials(&alone, wanted, &vm->identity, denials, why);
}

bool vm_is_denied(struct vm *vm, const struct safepath *walk, int wanted)
{
	struct denials denials;
	cleanup_free char *why = NULL;
	bool is_denied = !find_denials(vm, walk, wanted, &denials, &why) || denials.n > 0;

	access_free(&denials);
	return is_denied;
}

char *vm_why_denied(
	struct vm *vm, const struct safepath *walk, int wanted, const char *instead, char **help)
{
	struct denials denials;
	char *why;

	if (find_denials(vm, walk, wanted, &denials, &why) && denials.n > 0)
		why = advice_explain(
			&denials, walk, &vm->identity, &vm->claims.advised, instead, help);
	access_free(&denials);
	return why;
}

void vm_check_access(struct vm *vm, const struct qemuargs_resource *resource,
	const struct safepath *walk, int wanted)
{
	char *help = NULL;
	char *why = vm_why_denied(vm, walk, wanted, NULL, &help);

	if (why)
		vm_refuse_helped(vm, resource, why, help);
	else
		vm_item(vm, resource, ACTION_CHECK, NULL);
}

char *vm_why_named_denied(struct vm *vm, const struct safepath *walk, int wanted)
{
	struct denials denials;
	char *why;

	find_denials(vm, walk, wanted, &denials, &why);
	/* Every component that denies it, not the first alone. */
	for (size_t i = 0; i < denials.n; i++) {
		cleanup_free char *before = why;
		cleanup_free char *next = access_cause(&denials.all[i], &vm->identity);
		why = before ? xasprintf("%s; %s", before, next) : xstrdup(next);
	}
	access_free(&denials);
	return why;
}

bool vm_is_closed(struct vm *vm, const struct safepath *walk)
{
	struct denials denials;
	cleanup_free char *ignored = NULL;
	bool is_closed = find_denials(vm, walk, 0, &denials, &ignored) && denials.n > 0;

	access_free(&denials);
	return is_closed;
}

void vm_want(struct vm *vm, const struct claim_request *resource)
{
	ARRAY_GROW(vm->wanted, vm->n_wanted);
	struct claim_request *copy = &vm->wanted[vm->n_wanted++];
	*copy = *resource;
	copy->path = xstrdup(resource->path);
	copy->source = xstrdup(resource->source);
	copy->reason = xstrdup(resource->reason);
}

char *vm_absolute(struct vm *vm, const char *path)
{
	char *error;
	char *absolute = absolute_path(path, &error);

	if (!absolute)
		vm_fail(vm, error);
	return absolute;
}

char *vm_reach(struct vm *vm, const struct qemuargs_resource *resource, struct safepath *walk,
	bool *is_missing)
{
	cleanup_free char *path = vm_absolute(vm, resource->path);
	cleanup_free char *error = NULL;

	if (is_missing)
		*is_missing = false;
	if (!path)
		return NULL;
	if (safepath_open_from(&vm->claims.start, path, walk, &error))
		return steal_pointer(&path);
	if (is_missing && errno == ENOENT)
		*is_missing = true;
	else
		vm_refuse(vm, resource, steal_pointer(&error));
	return NULL;
}

bool vm_add_claim(
	struct vm *vm, const struct qemuargs_resource *resource, const struct claim_request *asked)
{
	cleanup_free char *absolute = vm_absolute(vm, asked->path);
	struct claim_request wanted = *asked;

	if (!absolute)
		return false;
	wanted.kind = RESOURCE_DISK;
	wanted.passed = asked->passed || vm_has_own_root(vm);
	wanted.path = absolute;
	wanted.source = resource->source;
	wanted.reason = resource->reason ? resource->reason : (char *)"";
	wanted.shared = resource->shared && resource->access != ACCESS_RO;
	if (wanted.shared)
		wanted.access = ACCESS_RW;
	claims_add(&vm->claims, &wanted);
	if (vm->claims.failure)
		vm_fail(vm, xstrdup(vm->claims.failure));
	vm_want(vm, &wanted);
	const struct claims_item *item = &vm->claims.items[vm->claims.n_items - 1];
	struct vm_item *ours = vm_item(vm, resource, item->action, xstrdup(item->reason));
	free(ours->path);
	ours->path = steal_pointer(&absolute);
	ours->help = item->help ? xstrdup(item->help) : NULL;
	return item->action != ACTION_REFUSE;
}
