/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/program.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "vm/isolation.h"
#include "vm/step.h"

#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Who interprets it reads it by its name (execve(2)). */
static bool is_script(const struct safepath *walk)
{
	cleanup_fd int fd = safepath_reopen(walk->fd, O_RDONLY | O_NONBLOCK);
	char magic[2] = "";

	return fd >= 0 && pread(fd, magic, sizeof magic, 0) == sizeof magic &&
	       memcmp(magic, "#!", sizeof magic) == 0;
}

static char *why_not_executable(struct vm *vm, struct safepath *walk)
{
	struct statvfs fs;

	if (statvfs(IO_FD_PATH(walk->fd), &fs) == 0 && fs.f_flag & ST_NOEXEC)
		return xasprintf("its file system is mounted noexec: %s may not execute it; move "
				 "it to another one, or remount that: mount -o remount,exec",
			vm->identity.user);
	struct safepath seen = *walk;
	if (vm_has_own_root(vm))
		seen.n_dirs = 0;
	return vm_why_denied(vm, &seen, is_script(walk) ? R_OK | X_OK : X_OK, NULL);
}

void vm_plan_program(struct vm *vm, const char *path)
{
	cleanup_free char *absolute = vm_absolute(vm, path);
	cleanup_free char *error = NULL;
	const struct qemuargs_resource r = {.kind = RESOURCE_FILE,
		.access = ACCESS_RO,
		.path = absolute,
		.source = (char *)"QEMU"};
	struct safepath walk;

	if (!absolute)
		return;
	if (!safepath_open(absolute, &walk, &error)) {
		vm_refuse(vm, &r, steal_pointer(&error));
		return;
	}
	char *why = why_not_executable(vm, &walk);
	if (why) {
		vm_refuse(vm, &r, why);
		vm->not_executable = true;
	}
	safepath_close(&walk);
}
