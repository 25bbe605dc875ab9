/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/shares.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "path/absolute.h"
#include "vm/unseen.h"

#include <string.h>
#include <sys/stat.h>

/* Whether the VM's runtime directory is in it, or is it: an own one, that no host's may cover. */
static bool has_home(const struct vm *vm, const char *path)
{
	size_t n = strcmp(path, "/") == 0 ? 0 : strlen(path);

	return strncmp(vm->isolation.home, path, n) == 0 &&
	       (vm->isolation.home[n] == '/' || !vm->isolation.home[n]);
}

/* "PATH[,ro]", in which ",," is a comma of the path. */
static bool add_share(struct vm *vm, const char *text, char **error)
{
	cleanup_free char *copy = xstrdup(text);
	char *to = copy;
	const char *from = text;

	for (; *from && (*from != ',' || from[1] == ','); from++) {
		from += *from == ',';
		*to++ = *from;
	}
	while (to > copy + 1 && to[-1] == '/')
		to--;
	*to = '\0';
	if ((*from && strcmp(from, ",ro") != 0) || !*copy)
		return error_set(error, "--share %s: expected PATH or PATH,ro", text);
	cleanup_free char *path = absolute_path(copy, error);
	struct stat st;
	bool is_there = false;
	if (!path)
		return false;
	if (has_home(vm, path))
		return error_set(error,
			"--share %s: the runtime directory of the VM, %s, is in it; share what "
			"QEMU needs of it alone",
			text, vm->isolation.home);
	if (!vm_examine(path, &st, &is_there, error))
		return false;
	if (!is_there)
		return error_set_errno(error, "--share %s: cannot examine %s", text, path);
	struct isolation_path *added = isolation_add(&vm->isolation, path, "--share");
	added->writable = !*from;
	added->makes = added->moves = added->writable && S_ISDIR(st.st_mode);
	/* What is wanted of a directory of nodes are its nodes. */
	added->devices = strncmp(path, "/dev/", strlen("/dev/")) == 0;
	vm->isolation.shares |= added->makes;
	return true;
}

bool vm_add_shares(struct vm *vm, char **error)
{
	for (size_t i = 0; i < vm->n_shares; i++)
		if (!add_share(vm, vm->shares[i], error))
			return false;
	return true;
}
