/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/pipes.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/advice.h"
#include "path/command.h"
#include "vm/step.h"

#include <errno.h>
#include <string.h>

struct pipe_end {
	char *path; /* owned */
	bool exists;
	char *odd; /* it is no named pipe, or may not be what was meant; owned; NULL: it is */
	char *why; /* it cannot be opened; owned; NULL: it can */
	char *help;
};

static struct pipe_end look_at(struct vm *vm, const char *base, const char *suffix)
{
	struct pipe_end end = {.path = xasprintf("%s%s", base, suffix)};
	struct safepath walk;

	if (safepath_open_from(&vm->claims.start, end.path, &walk, &end.why)) {
		end.exists = true;
		if (!S_ISFIFO(walk.st.st_mode))
			end.odd = xasprintf("%s is not a named pipe", end.path);
		else
			end.odd = advice_why_unsafe(&walk, end.path, walk.st.st_uid);
		end.why = vm_why_denied(vm, &walk, R_OK | W_OK, NULL, &end.help);
	} else {
		end.exists = errno != ENOENT && errno != ENOTDIR;
		end.odd = end.exists ? xstrdup(end.why) : NULL;
	}
	safepath_close(&walk);
	return end;
}

static void free_end(struct pipe_end *end)
{
	free(end->path);
	free(end->odd);
	free(end->why);
	free(end->help);
}

/* Takes why and help. */
static void add(struct vm *vm, const struct qemuargs_resource *r, struct pipe_end *end)
{
	enum resource_action action = end->why ? ACTION_REFUSE : ACTION_CHECK;
	struct vm_item *item = vm_item(vm, r, action, steal_pointer(&end->why));

	item->help = steal_pointer(&end->help);
	free(item->path);
	item->path = xstrdup(end->path);
}

/*
 * What creates the ends that are missing, and opens both to the account, a new command. NULL: there
 * is none to be advised.
 */
static char *make_missing(
	const struct vm *vm, const struct pipe_end *in, const struct pipe_end *out)
{
	const struct pipe_end *there = in->exists ? in : out->exists ? out : NULL;
	cleanup_free char *as = command_as(in->path);
	cleanup_free char *same = command_as(out->path);

	/* What is there and is no named pipe was perhaps put there. */
	if (!as || !same || strcmp(as, same) != 0 || (there && there->odd))
		return NULL;
	cleanup_free char *in_word = shell_word(in->path);
	cleanup_free char *out_word = shell_word(out->path);
	const char *first = in->exists ? out_word : in_word;
	const char *second = there ? NULL : out_word;
	cleanup_free char *make =
		xasprintf("%smkfifo -m %s %s%s%s", as, vm->identity.is_lent ? "666" : "600", first,
			second ? " " : "", second ? second : "");
	if (!vm->identity.is_lent)
		return xasprintf("%s && %ssetfacl -m u:%s:rw %s %s", make, as, vm->identity.user,
			in_word, out_word);
	const char *closed = there && there->why ? in->exists ? in_word : out_word : NULL;
	return xasprintf("%s%s%s%s%s", make, closed ? " && " : "", closed ? as : "",
		closed ? "chmod o+rw " : "", closed ? closed : "");
}

static void refuse_missing(struct vm *vm, const struct qemuargs_resource *r, const char *base,
	const struct pipe_end *in, const struct pipe_end *out)
{
	const struct pipe_end *missing = in->exists ? out : in;
	bool both = !in->exists && !out->exists;
	const char *odd = in->odd ? in->odd : out->odd;
	char *text = xasprintf("there is no named pipe %s%s%s, and no %s%s%s", missing->path,
		both ? " and no " : "", both ? out->path : "", base, odd ? "; " : "",
		odd ? odd : "");

	cleanup_free char *opened =
		vm->identity.is_lent ? xasprintf("; let every user read and write %s and %s; ",
					       in->path, out->path)
				     : xstrdup("; ");
	char *help = NULL;
	char *why = help_message(&help, text, opened, make_missing(vm, in, out));

	vm_refuse_helped(vm, r, why, help);
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
