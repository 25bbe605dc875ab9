/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/descriptors.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Where reserved numbers begin: above what a shell passes to QEMU by number. */
#define FIRST_RESERVED 64

void vm_pass_fd(struct vm *vm, int fd)
{
	ARRAY_GROW(vm->fds, vm->n_fds);
	vm->fds[vm->n_fds++] = fd;
}

/* A descriptor of / alone takes the number, good for nothing but to be replaced. */
int vm_reserve(struct vm *vm)
{
	cleanup_fd int placeholder = open("/", O_PATH | O_CLOEXEC);
	int fd = placeholder < 0 ? -1 : fcntl(placeholder, F_DUPFD_CLOEXEC, FIRST_RESERVED);

	if (fd < 0)
		vm_fail(vm, xasprintf("cannot reserve a descriptor: %s; raise the limit of open "
				      "files (ulimit -n)",
				    strerror(errno)));
	else
		vm_pass_fd(vm, fd);
	return fd;
}

bool vm_fill(int reserved, int fd, char **error)
{
	bool good = io_replace_fd(reserved, fd, O_CLOEXEC);

	if (!good)
		*error = xasprintf("cannot use descriptor %d: %s", reserved, strerror(errno));
	close(fd);
	return good;
}

int vm_keep(struct vm *vm, int fd, const char *path)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (kept < 0)
		vm_fail(vm, xasprintf("cannot keep %s open: %s; raise the limit of open files "
				      "(ulimit -n)",
				    path, strerror(errno)));
	return kept;
}
