/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/runtime.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/downscripts.h"
#include "claims/journal.h"
#include "claims/runtime_dir.h"
#include "vm/descriptors.h"
#include "vm/home.h"
#include "vm/isolation.h"
#include "vm/prepare.h"
#include "vm/sockets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *vm_runtime_directory(const char *name)
{
	return xasprintf(RUNTIME_DIR "/%s", name);
}

char *vm_control_socket(const char *name)
{
	return xasprintf(RUNTIME_DIR "/%s.qmp", name);
}

char *vm_choose_name(const char *asked, const struct qemuargs *args, pid_t pid, char **error)
{
	const char *guest = args->guest_name;

	if (asked && runtime_dir_fits(asked))
		return xstrdup(asked);
	if (!asked && guest && journal_is_name(guest) && runtime_dir_fits(guest))
		return xstrdup(guest);
	if (!asked)
		return xasprintf("qemu-%d", pid);
	*error = xasprintf("--name %s: a name that ends in \".qmp\" is reserved for the "
			   "control socket of a VM in " RUNTIME_DIR "; use another name: --name",
		asked);
	return NULL;
}

/*
 * Where the program ends early; a child has taken no name. A QEMU that runs keeps what it has,
 * and what it may have claimed is left to recover.
 */
static void let_go_at_exit(int status, void *context)
{
	struct vm *vm = context;

	(void)status;
	if (vm->name_fd < 0 || getpid() != vm->taker)
		return;
	if (vm->holder > 0)
		vm->was_claimed = true;
	if (!vm->runs)
		vm_undo(vm);
	vm_let_go_of_name(vm);
}

bool vm_take_name(struct vm *vm, char **error)
{
	cleanup_fd int runtime = runtime_dir_open(error);

	if (runtime < 0 || (vm->name_fd = runtime_dir_take(runtime, vm->name, true, error)) < 0)
		return false;
	vm->taker = getpid();
	on_exit(let_go_at_exit, vm);
	return true;
}

void vm_let_go_of_name(struct vm *vm)
{
	if (vm->name_fd < 0)
		return;
	vm_let_go_of_id(vm);
	runtime_dir_let_go(vm->name);
	close(vm->name_fd);
	vm->name_fd = -1;
}

static bool make_runtime(struct vm *vm, struct vm_step *step, char **error)
{
	step->place.dir = runtime_dir_open(error);
	if (step->place.dir >= 0)
		downscripts_tell(step->place.dir, vm->name, true);
	return step->place.dir >= 0 &&
	       vm_home_make(step->place.dir, vm->name, vm->identity.uid, vm->identity.gid, error);
}

static void remove_runtime(struct vm *vm, struct vm_step *step)
{
	cleanup_free char *error = NULL;

	downscripts_forget(step->place.dir, vm->name);
	if (!vm_home_remove(step->place.dir, vm->name, &error))
		warn("%s", error);
}

static bool bind_control(struct vm *vm, struct vm_step *step, char **error)
{
	step->place.dir = runtime_dir_open(error);
	if (step->place.dir < 0)
		return false;
	step->place.dir_path = xstrdup(RUNTIME_DIR);
	step->place.name = xasprintf("%s.qmp", vm->name);
	step->place.is_roots = true;
	return vm_bind_socket(vm, step, error);
}

/* systemd takes the end of virt-priv-run for that of the VM, and ends whatever it leaves. */
static void refuse_daemon(struct vm *vm)
{
	const struct qemuargs_resource r = {
		.kind = RESOURCE_FILE, .access = ACCESS_RO, .source = "-daemonize"};

	vm_refuse(vm, &r,
		xstrdup("a VM that is a unit stays in the foreground, since systemd would take the "
			"end of virt-priv-run for that of the VM: remove it; the unit is ready "
			"when QEMU is"));
}

/* Another monitor beside those that the command line may have. */
static void plan_control(struct vm *vm)
{
	cleanup_free char *path = vm_control_socket(vm->name);
	struct vm_step *step = vm_step(vm, path);

	step->prepare = bind_control;
	step->finish = vm_listen_again;
	step->give_back = vm_remove_socket;
	step->mode = 0600;
	step->fd = vm_reserve(vm);
	cleanup_free char *chardev =
		xasprintf("socket,id=virt-privileges-control,fd=%d,server=on,wait=off", step->fd);
	qemuargs_append(vm->args, "chardev", chardev);
	/* Not -mon, which is to be removed (QEMU's docs/about/deprecated.rst, since 11.1). */
	qemuargs_append(vm->args, "qmp", "chardev:virt-privileges-control");
}

/* A file that lies where the directory would, or would be made there. */
static void refuse_collision(struct vm *vm, const char *path, mode_t type, const char *what)
{
	const struct qemuargs_resource here = {.kind = RESOURCE_FILE,
		.access = ACCESS_CREATE,
		.path = (char *)path,
		.source = "--name"};
	struct stat st;

	if (lstat(path, &st) == 0 && (st.st_mode & S_IFMT) != type) {
		vm_refuse(vm, &here,
			xasprintf("it exists, and is not the %s of VM '%s'; remove it, or use "
				  "another name: --name",
				what, vm->name));
		return;
	}
	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (r->path && strcmp(r->path, path) == 0)
			vm_refuse(vm, r,
				xasprintf("it is the place of the %s of VM '%s'; use another "
					  "path, or another name: --name",
					what, vm->name));
	}
}

void vm_plan_runtime(struct vm *vm)
{
	cleanup_free char *path = vm_runtime_directory(vm->name);
	cleanup_free char *control = vm_control_socket(vm->name);
	struct vm_step *step = vm_step(vm, path);

	step->prepare = make_runtime;
	step->give_back = remove_runtime;
	refuse_collision(vm, path, S_IFDIR, "runtime directory");
	if (vm->control)
		refuse_collision(vm, control, S_IFSOCK, "control socket");
	if (vm->control && vm->args->daemonize)
		refuse_daemon(vm);
	if (vm->control)
		plan_control(vm);
}
