/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/pass.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "vm/descriptors.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Above what most people choose by hand for their own -add-fd. */
#define FIRST_FDSET 1000

static bool open_object(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	int fd = safepath_reopen(step->object, step->flags | O_NONBLOCK);

	if (fd < 0) {
		*error = xasprintf("cannot open %s: %s", step->path, strerror(errno));
		return false;
	}
	/* It is only there so that nothing that is not what was judged can block. */
	if (fcntl(fd, F_SETFL, step->flags & ~O_ACCMODE) < 0) {
		*error = xasprintf("cannot set the flags of %s: %s", step->path, strerror(errno));
		close(fd);
		return false;
	}
	return vm_fill(step->fd, fd, error);
}

static bool hold_object(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	int fd = fcntl(step->object, F_DUPFD_CLOEXEC, 3);

	if (fd < 0) {
		*error = xasprintf("cannot keep %s open: %s", step->path, strerror(errno));
		return false;
	}
	return vm_fill(step->fd, fd, error);
}

static bool is_taken(const struct vm *vm, unsigned set)
{
	for (size_t i = 0; i < vm->args->n_options; i++) {
		const char *own = strcmp(vm->args->options[i].name, "add-fd") == 0
					  ? qemuargs_get(vm->args, i, "set")
					  : NULL;
		if (own && strtoul(own, NULL, 0) == set)
			return true;
	}
	return false;
}

/* A number that the command line has not given to a set of its own. */
static unsigned new_set(struct vm *vm)
{
	unsigned set;

	do
		set = FIRST_FDSET + vm->n_fdsets++;
	while (is_taken(vm, set));
	return set;
}

/* Adds a descriptor of the object, opened so, to a set of QEMU's. */
static void add_to_set(
	struct vm *vm, unsigned set, const struct safepath *walk, int flags, int *first)
{
	struct vm_step *step = vm_step(vm, walk->path);

	step->prepare = open_object;
	step->object = vm_keep(vm, walk->fd, walk->path);
	step->flags = flags;
	step->fd = vm_reserve(vm);
	if (*first < 0)
		*first = step->fd;
	cleanup_free char *value = xasprintf("fd=%d,set=%u", step->fd, set);
	qemuargs_prepend(vm->args, "add-fd", value);
}

char *vm_pass_set(
	struct vm *vm, const struct safepath *walk, bool reads, bool writes_too, bool direct)
{
	unsigned set = new_set(vm);
	int extra = direct ? O_DIRECT : 0;
	int first = -1;

	if (reads)
		add_to_set(vm, set, walk, O_RDONLY | extra, &first);
	if (writes_too)
		add_to_set(vm, set, walk, O_RDWR | extra, &first);
	return xasprintf("/dev/fdset/%u", set);
}

char *vm_pass_written(struct vm *vm, const struct safepath *walk)
{
	unsigned set = new_set(vm);
	int fd = -1;

	add_to_set(vm, set, walk, O_WRONLY, &fd);
	return xasprintf("/dev/fdset/%u", set);
}

void vm_pass_by_name(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	struct vm_step *step = vm_step(vm, walk->path);

	step->prepare = hold_object;
	step->object = vm_keep(vm, walk->fd, walk->path);
	step->fd = vm_reserve(vm);
	qemuargs_set(vm->args, r->option, r->key, IO_FD_PATH(step->fd));
}
