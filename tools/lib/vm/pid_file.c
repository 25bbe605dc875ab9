/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/pid_file.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/log.h"
#include "path/command.h"
#include "path/roots.h"
#include "vm/made.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool hold_pid_file(struct vm_step *step, int fd, char **error)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		*error = xasprintf("cannot open %s: %s", step->path, strerror(errno));
		return false;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid()) {
		*error = xasprintf("%s is not a regular file owned by root with a single link; "
				   "remove it first",
			step->path);
		return false;
	}
	cleanup_free char *why = roots_why_not(fd, &st, step->path, "look into it", NULL);
	if (why) {
		*error = xasprintf("%s is writable by users other than root: %s", step->path, why);
		return false;
	}
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		*error = xasprintf("cannot lock %s: %s", step->path,
			errno == EAGAIN || errno == EACCES ? "it is locked by another QEMU"
							   : strerror(errno));
		return false;
	}
	step->dev = st.st_dev;
	step->ino = st.st_ino;
	return true;
}

static bool open_pid_file(struct vm *vm, struct vm_step *step, char **error)
{
	static const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	const struct place *place = &step->place;
	cleanup_fd int fd = openat(place->dir, place->name, flags | O_CREAT | O_EXCL, 0600);
	bool is_new = fd >= 0;

	if (fd < 0 && errno == EEXIST)
		fd = openat(place->dir, place->name, flags);
	if (hold_pid_file(step, fd, error)) {
		if (is_new)
			vm_note_where_made(step, fd);
		vm->pid_fd = steal_fd(&fd);
		return true;
	}
	if (is_new)
		unlinkat(place->dir, place->name, 0);
	return false;
}

static void remove_pid_file(struct vm *vm, struct vm_step *step)
{
	vm_remove_made(step);
	close(vm->pid_fd);
	vm->pid_fd = -1;
}

void vm_plan_pid_file(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *error = NULL;
	struct place place;

	if (!place_find(r->path, &place, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
		place_close(&place);
		return;
	}
	/* One that an earlier start has left, with its runner killed, is known. */
	if (place.walk.unsafe && !(place.exists && vm_was_made_there(&place))) {
		char *help = NULL;
		char *why = help_message(&help, xstrdup(place.walk.unsafe),
			"; or remove it: ", place.exists ? command_on("rm", place.path) : NULL);
		vm_refuse_helped(vm, r, why, help);
		place_close(&place);
		return;
	}
	if (!vm_can_make(vm, r, &place)) {
		place_close(&place);
		return;
	}
	struct vm_step *step = vm_step(vm, place.path);
	step->prepare = open_pid_file;
	step->give_back = remove_pid_file;
	step->place = place;
	vm_item(vm, r, ACTION_MAKE, xstrdup("written by virt-priv-run"));
	qemuargs_remove(vm->args, r->option);
}

bool vm_write_pid(struct vm *vm, pid_t pid, char **error)
{
	cleanup_free char *text = xasprintf("%d\n", pid);
	size_t length = strlen(text);

	if (vm->pid_fd < 0)
		return true;
	if (ftruncate(vm->pid_fd, 0) < 0 ||
		pwrite(vm->pid_fd, text, length, 0) != (ssize_t)length) {
		*error = xasprintf("cannot write the PID %d: %s", pid, strerror(errno));
		return false;
	}
	return true;
}
