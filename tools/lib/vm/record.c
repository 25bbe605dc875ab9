/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/record.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "base/process.h"
#include "base/resource.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_vm.h"
#include "path/absolute.h"
#include "vm/runtime.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_CGROUPS ((size_t)64 * 1024)

/* systemd.exec(5): $SYSTEMD_EXEC_PID, since systemd 248, is the process that it has executed. */
static bool is_unit(const struct vm *vm)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");
	cleanup_free char *ours = xasprintf("%d", vm->taker);

	return (pid && strcmp(pid, ours) == 0) || vm->notify;
}

/* The name that systemd has for this process, new; NULL: it has none. */
static char *own_unit(void)
{
	cleanup_free char *text = io_read_file(AT_FDCWD, "/proc/self/cgroup", MAX_CGROUPS, NULL);
	cleanup_free char *path = proc_cgroup_systemd(text);

	return proc_cgroup_unit(path);
}

static bool is_disk(enum resource_kind kind)
{
	return kind == RESOURCE_DISK || kind == RESOURCE_BACKING || kind == RESOURCE_NVRAM;
}

static bool is_text(const char *text, const char *expected)
{
	return text && strcmp(text, expected) == 0;
}

/* What a character device is used for: as a monitor, or as something of the guest's. */
static const char *use_of_chardev(const struct qemuargs *args, const char *id)
{
	for (size_t i = 0; id && i < args->n_options; i++)
		if (is_text(args->options[i].name, "mon") &&
			is_text(qemuargs_get(args, i, "chardev"), id))
			return is_text(qemuargs_get(args, i, "mode"), "control")
				       ? RUNTIME_VM_QMP
				       : RUNTIME_VM_MONITOR;
	return "chardev";
}

/* What the socket is, by the option that names it. */
static const char *kind_of_socket(const struct vm *vm, const struct vm_item *item)
{
	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (r->kind != RESOURCE_LISTEN || !is_text(r->path, item->path))
			continue;
		const char *option = vm->args->options[r->option].name;
		if (strcmp(option, "qmp-pretty") == 0)
			return RUNTIME_VM_QMP;
		return strcmp(option, "chardev") == 0
			       ? use_of_chardev(vm->args, qemuargs_get(vm->args, r->option, "id"))
			       : option;
	}
	return "chardev";
}

static bool add_item(
	const struct vm *vm, struct runtime_vm *record, const struct vm_item *item, char **error)
{
	bool is_socket = item->kind == RESOURCE_LISTEN && item->action == ACTION_MAKE;

	if (!item->path || (!is_socket && !is_disk(item->kind)))
		return true;
	cleanup_free char *path = absolute_path(item->path, error);
	if (!path)
		return false;
	if (is_socket)
		runtime_vm_add(
			&record->sockets, &record->n_sockets, kind_of_socket(vm, item), path);
	else
		runtime_vm_add(
			&record->disks, &record->n_disks, resource_action_name(item->action), path);
	return true;
}

static bool fill(const struct vm *vm, struct runtime_vm *record, char **error)
{
	*record = (struct runtime_vm){.name = xstrdup(vm->name),
		.namespace = process_namespace(),
		.runner = {.pid = vm->taker},
		.since = time(NULL),
		.uid = vm->identity.uid,
		.gid = vm->identity.gid,
		.user = xstrdup(vm->identity.user),
		.isolation = xstrdup(isolation_mode_name(vm->isolation.mode)),
		.started = xstrdup(vm->args->daemonize ? "daemonize"
				   : is_unit(vm)       ? "unit"
						       : "foreground"),
		.unit = is_unit(vm) ? own_unit() : NULL};
	memcpy(record->boot, boot_id(), sizeof record->boot);
	if (!process_start(record->runner.pid, &record->runner.start, error))
		return false;
	if (vm->control) {
		cleanup_free char *control = vm_control_socket(vm->name);
		runtime_vm_add(&record->sockets, &record->n_sockets, RUNTIME_VM_CONTROL, control);
	}
	for (size_t i = 0; i < vm->n_items; i++)
		if (!add_item(vm, record, &vm->items[i], error))
			return false;
	return true;
}

static bool write_record(struct vm *vm, struct vm_step *step, char **error)
{
	(void)step;
	cleanup_fd int runtime = runtime_dir_open(error);
	if (runtime < 0)
		return false;
	struct runtime_vm *record = xcalloc(1, sizeof *record);
	bool good = fill(vm, record, error) && runtime_vm_write(runtime, record, error);
	runtime_vm_free(record);
	return good;
}

static void remove_record(struct vm *vm, struct vm_step *step)
{
	cleanup_free char *claim = xasprintf(JOURNAL_DIR "/%s", vm->name);

	(void)step;
	/* What is left of the VM is told by both, until recover. */
	if (!vm->claim_stays || access(claim, F_OK) < 0)
		runtime_vm_remove(vm->name);
}

/* Why the name is not free, in a new *error: false. */
static bool check_noted(const struct runtime_vm *noted, char **error)
{
	cleanup_free char *why = NULL;

	switch (runtime_vm_state(noted, &why)) {
	case RUNTIME_VM_ORPHANED:
		return error_set(error,
			"VM '%s' is running: process %d is its QEMU, and its virt-priv-run was "
			"killed; use another name: --name, or stop it: virt-priv-run --stop %s "
			"--kill",
			noted->name, noted->qemu.pid, noted->name);
	case RUNTIME_VM_UNKNOWN:
		return error_set(error,
			"cannot determine whether VM '%s' is running: %s; use another name: "
			"--name, or stop it where it runs: virt-priv-run --stop %s --kill",
			noted->name, why, noted->name);
	default:
		return true;
	}
}

bool vm_check_record(const struct vm *vm, char **error)
{
	struct runtime_vm *noted;
	bool good = runtime_vm_read(vm->name, &noted, error);

	if (noted) {
		good = check_noted(noted, error);
		runtime_vm_free(noted);
	}
	return good;
}

void vm_plan_record(struct vm *vm)
{
	struct vm_step *step = vm_step(vm, NULL);

	step->prepare = write_record;
	step->give_back = remove_record;
}

bool vm_record_qemu(struct vm *vm, pid_t pid, char **error)
{
	struct runtime_process qemu = {.pid = pid};

	if (!process_start(pid, &qemu.start, error))
		return false;
	return runtime_vm_note(vm->name, &qemu, pid == getpid() ? vm->claims.journal : NULL, error);
}
