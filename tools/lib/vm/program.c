/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/program.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/mounts.h"
#include "vm/isolation.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static char *why_not_executable(struct vm *vm, struct safepath *walk, char **help)
{
	struct statvfs fs;

	if (statvfs(IO_FD_PATH(walk->fd), &fs) == 0 && fs.f_flag & ST_NOEXEC) {
		const struct proc_mount *mount = mounts_of(walk->fd);
		cleanup_free char *point = mount ? shell_word(mount->point) : NULL;
		return help_message(help,
			xasprintf("its file system is mounted noexec: %s may not execute it; move "
				  "it to another one, or remount that",
				vm->identity.user),
			": ", point ? xasprintf("mount -o remount,exec %s", point) : NULL);
	}
	struct safepath seen = *walk;
	if (vm_has_own_root(vm))
		seen.n_dirs = 0;
	return vm_why_denied(vm, &seen, is_script(walk) ? R_OK | X_OK : X_OK, NULL, help);
}

static struct qemuargs_resource program_of(char *path)
{
	return (struct qemuargs_resource){
		.kind = RESOURCE_FILE, .access = ACCESS_RO, .path = path, .source = (char *)"QEMU"};
}

void vm_plan_no_program(struct vm *vm, const char *found, int error)
{
	const struct qemuargs_resource r = program_of((char *)found);
	const char *path = getenv("PATH");
	size_t n_before = vm->n_items;

	if (error == ENOENT && !strchr(found, '/')) {
		vm_refuse(vm, &r,
			xasprintf("there is no such program in PATH (%s)", path ? path : "unset"));
		return;
	}
	vm_plan_program(vm, found);
	if (vm->n_items == n_before)
		vm_refuse(vm, &r, xasprintf("cannot execute it: %s", strerror(error)));
}

void vm_plan_program(struct vm *vm, const char *path)
{
	cleanup_free char *absolute = vm_absolute(vm, path);
	cleanup_free char *error = NULL;
	const struct qemuargs_resource r = program_of(absolute);
	struct safepath walk;

	if (!absolute)
		return;
	if (!safepath_open(absolute, &walk, &error)) {
		vm_refuse(vm, &r, steal_pointer(&error));
		return;
	}
	char *help = NULL;
	char *why = why_not_executable(vm, &walk, &help);
	if (why) {
		vm_refuse_helped(vm, &r, why, help);
		vm->not_executable = true;
	}
	safepath_close(&walk);
}
