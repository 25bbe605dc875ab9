/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/unseen.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "path/absolute.h"
#include "path/probe.h"
#include "qemu/uses.h"
#include "vm/step.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool vm_examine(const char *path, struct stat *st, bool *is_there, char **error)
{
	probe(&path, 1);
	if (probe_is_silent(path))
		return error_set(error, "cannot examine %s: %s", path, attempt_why(ATTEMPT_SILENT));
	*is_there = stat(path, st) == 0;
	return *is_there || errno == ENOENT || errno == ENOTDIR ||
	       error_set_errno(error, "cannot examine %s", path);
}

/* Whether it is one of the paths that are visible, or below one, and as writable as it must be. */
static bool is_seen(const struct vm *vm, const char *path, bool writable)
{
	const struct isolation *isolation = &vm->isolation;

	for (size_t i = 0; i < isolation->n_paths; i++) {
		const struct isolation_path *seen = &isolation->paths[i];
		size_t n = strlen(seen->path);
		if (strncmp(path, seen->path, n) == 0 && (!path[n] || path[n] == '/') &&
			(seen->writable || !writable))
			return true;
	}
	return false;
}

/* As --share takes it: a comma of the path is two. */
static char *share_of(const char *path, bool writable)
{
	cleanup_free char *quoted = xcalloc(2 * strlen(path) + 1, 1);
	char *to = quoted;

	for (; *path; path++) {
		*to++ = *path;
		if (*path == ',')
			*to++ = ',';
	}
	return xasprintf("--share %s%s", quoted, writable ? "" : ",ro");
}

static void refuse(struct vm *vm, const struct qemu_use *use, char *path, char *reason)
{
	const struct qemuargs_resource r = {.kind = RESOURCE_FILE,
		.access = use->writable ? ACCESS_RW : ACCESS_RO,
		.path = path,
		.source = vm->args->options[use->option].source};

	vm_refuse(vm, &r, reason);
}

static bool check(struct vm *vm, const struct qemu_use *use, char **error)
{
	struct stat st;
	bool is_there = false;

	if (!use->path) {
		refuse(vm, use, NULL,
			xasprintf("not possible with --isolate=full: %s", use->instead));
		return true;
	}
	bool is_here = strcmp(use->path, ".") == 0;
	cleanup_free char *path = is_here ? getcwd(NULL, 0) : absolute_path(use->path, error);
	if (!path)
		return is_here ? error_set_errno(error, "cannot determine the current directory")
			       : false;
	/* Then QEMU would not find it in the host's root directory, either. */
	if (!vm_examine(path, &st, &is_there, error))
		return false;
	if (!is_there || is_seen(vm, path, use->writable))
		return true;
	cleanup_free char *share = share_of(path, use->writable);
	refuse(vm, use, path,
		xasprintf("not visible in the VM's root directory: add %s%s%s", share,
			use->instead ? ", or " : "", use->instead ? use->instead : ""));
	return true;
}

bool vm_check_unseen(struct vm *vm, char **error)
{
	size_t n;
	struct qemu_use *uses = qemu_uses(vm->args, &n);
	bool good = true;

	for (size_t i = 0; good && i < n; i++)
		good = check(vm, &uses[i], error);
	qemu_uses_free(uses, n);
	return good;
}
