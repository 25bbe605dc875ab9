/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/run.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/log.h"
#include "launch/environment.h"
#include "vm/claim.h"
#include "vm/isolation.h"
#include "vm/limits.h"
#include "vm/passt.h"
#include "vm/pid_file.h"
#include "vm/prepare.h"
#include "vm/published.h"
#include "vm/ready.h"
#include "vm/record.h"
#include "vm/runtime.h"

#include <sys/stat.h>
#include <unistd.h>

#define DAEMON_MASK 027

/* QEMU's own daemon has no parent to end with. */
static bool ends_with_parent(const struct vm *vm)
{
	return vm->args->exits_with_parent && !vm->args->daemonize;
}

/*
 * QEMU asks to end with its parent itself, but can be without one before it does. A change of ids
 * takes that back.
 */
static bool finish_as_account(void *context, char **error)
{
	struct vm *vm = context;

	if (ends_with_parent(vm) && !supervise_end_with(vm->taker, error))
		return false;
	return vm_finish(vm, error) && vm_restrict_isolated(vm, error);
}

/* As whom an isolated QEMU is executed, and what is started beside it. */
static void use_identity(const struct vm *vm, struct launch *launch)
{
	if (!(vm->isolation.layers & ISOLATE_ID))
		return;
	identity_free(&launch->identity);
	launch->identity = identity_copy(&vm->identity);
}

/* Where it is executed. */
static void use_isolation(struct vm *vm, struct launch *launch)
{
	if (vm_has_own_root(vm)) {
		free(launch->path);
		launch->path = xstrdup(vm->isolation.program);
	}
	launch->as_root = vm_enter_isolation;
}

/* In the child: claims, and executes QEMU. Returns only where that fails: false. */
static bool become_qemu(struct vm *vm, struct launch *launch, char **command,
	struct supervisor *supervisor, char **error)
{
	cleanup_free char *home = vm_runtime_directory(vm->name);

	/* The QEMU user can stop this process before it is QEMU: it has nothing that others
	 * wait for. */
	close(vm->name_fd);
	supervise_let_go(supervisor);
	if (!vm_claim(vm, error) || !vm_record_qemu(vm, getpid(), error) ||
		!vm_write_pid(vm, getpid(), error) || !vm_set_limits(vm, error))
		return false;
	launch->command = command;
	launch->environment = environment_set(launch->environment, "HOME", home);
	launch_keep_fds(launch, vm->fds, vm->n_fds);
	use_isolation(vm, launch);
	launch->as_account = finish_as_account;
	launch->context = vm;
	launch_exec(launch, vm->program);
}

/* QEMU's own daemon goes on; it, too, is stayed with. */
static int follow_daemon(struct vm *vm, struct supervisor *supervisor)
{
	cleanup_free char *error = NULL;
	pid_t daemon = supervise_remaining(&vm->helpers);

	if (daemon && (!vm_new_holder(vm, daemon, &error) || !vm_record_qemu(vm, daemon, &error) ||
			      !vm_write_pid(vm, daemon, &error)))
		warn("%s", error);
	/* What QEMU has bound is there once the caller has its answer. */
	vm_publish(vm);
	supervise_report(supervisor, 0);
	return daemon ? supervise(supervisor, daemon) : 0;
}

/* Until QEMU has ended. Returns its exit status. */
static int stay(struct vm *vm, struct supervisor *supervisor)
{
	vm_watch_published(vm, supervisor);
	vm_watch_passt(vm, supervisor);
	vm_watch_ready(vm, supervisor);
	int status = supervise(supervisor, vm->holder);
	vm_tell_end(vm, status);
	vm->has_run = status != LAUNCH_FAILED;
	if (status == 0 && vm->args->daemonize)
		status = follow_daemon(vm, supervisor);
	return status;
}

bool vm_run(struct vm *vm, struct launch *launch, char **command, struct supervisor *supervisor,
	int *status, char **error)
{
	cleanup_free char *why = NULL;

	if (ends_with_parent(vm) && !supervise_end_with(supervisor->parent, error))
		return false;
	/* What a daemon makes, files and sockets, others can't read: os_daemonize() of QEMU. */
	if (vm->args->daemonize)
		umask(DAEMON_MASK);
	vm->launch = launch;
	use_identity(vm, launch);
	if (!vm_prepare(vm, &why)) {
		vm_end_isolated(vm);
		return error_set(error, "%s; not starting", why);
	}
	/* What scripts and passt have left is no daemon of QEMU's. */
	if (vm->args->daemonize)
		supervise_know(&vm->helpers);
	pid_t child = fork();
	if (child == 0)
		return become_qemu(vm, launch, command, supervisor, error);
	if (child < 0)
		return error_set_errno(error, "cannot fork a process; not starting");
	vm->holder = child;
	vm->runs = true;
	vm_let_go(vm);
	*status = stay(vm, supervisor);
	vm->runs = false;
	vm_end_passt(vm);
	/* What goes on with its id can write to its disks. */
	bool is_given_back = vm_end_isolated(vm) ? vm_give_back(vm) : vm_leave_claims(vm);
	/* Otherwise it would look as if all was as before. */
	if (*status == 0 && !is_given_back)
		*status = LAUNCH_FAILED;
	return true;
}
