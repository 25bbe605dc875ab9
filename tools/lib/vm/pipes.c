/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/pipes.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "vm/step.h"

#include <errno.h>

struct pipe_end {
	char *path; /* owned */
	bool exists;
	char *why; /* it cannot be opened; owned; NULL: it can */
};

static struct pipe_end look_at(struct vm *vm, const char *base, const char *suffix)
{
	struct pipe_end end = {.path = xasprintf("%s%s", base, suffix)};
	struct safepath walk;

	if (safepath_open_from(&vm->claims.start, end.path, &walk, &end.why)) {
		end.exists = true;
		end.why = vm_why_denied(vm, &walk, R_OK | W_OK, NULL);
	} else {
		end.exists = errno != ENOENT && errno != ENOTDIR;
	}
	safepath_close(&walk);
	return end;
}

static void free_end(struct pipe_end *end)
{
	free(end->path);
	free(end->why);
}

/* Takes why. */
static void add(struct vm *vm, const struct qemuargs_resource *r, struct pipe_end *end)
{
	enum resource_action action = end->why ? ACTION_REFUSE : ACTION_CHECK;
	struct vm_item *item = vm_item(vm, r, action, steal_pointer(&end->why));

	free(item->path);
	item->path = xstrdup(end->path);
}

static void refuse_missing(struct vm *vm, const struct qemuargs_resource *r, const char *base,
	const struct pipe_end *in, const struct pipe_end *out)
{
	cleanup_free char *in_word = shell_word(in->path);
	cleanup_free char *out_word = shell_word(out->path);
	const struct pipe_end *missing = in->exists ? out : in;
	bool both = !in->exists && !out->exists;

	if (vm->identity.is_lent)
		vm_refuse(vm, r,
			xasprintf("there is no named pipe %s%s%s, and no %s; mkfifo -m 666 %s%s%s",
				missing->path, both ? " and no " : "", both ? out->path : "", base,
				missing == in ? in_word : out_word, both ? " " : "",
				both ? out_word : ""));
	else
		vm_refuse(vm, r,
			xasprintf("there is no named pipe %s%s%s, and no %s; mkfifo -m 600 %s%s%s "
				  "&& setfacl -m u:%s:rw %s %s",
				missing->path, both ? " and no " : "", both ? out->path : "", base,
				missing == in ? in_word : out_word, both ? " " : "",
				both ? out_word : "", vm->identity.user, in_word, out_word));
}

void vm_plan_pipe(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *base = vm_absolute(vm, r->path);

	if (!base)
		return;
	struct pipe_end in = look_at(vm, base, ".in");
	struct pipe_end out = look_at(vm, base, ".out");
	struct pipe_end one = look_at(vm, base, "");
	bool is_pair = in.exists && out.exists;

	if (is_pair && !(one.exists && !one.why && (in.why || out.why))) {
		add(vm, r, &in);
		add(vm, r, &out);
	} else if (one.exists) {
		add(vm, r, &one);
	} else {
		refuse_missing(vm, r, base, &in, &out);
	}
	free_end(&in);
	free_end(&out);
	free_end(&one);
}
