/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/vm.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/resource.h"
#include "claims/boot.h"
#include "claims/journal_lock.h"
#include "path/absolute.h"
#include "path/probe.h"
#include "vm/claim.h"
#include "vm/devices.h"
#include "vm/files.h"
#include "vm/header.h"
#include "vm/images.h"
#include "vm/isolation.h"
#include "vm/limits.h"
#include "vm/logs.h"
#include "vm/memory.h"
#include "vm/network.h"
#include "vm/opened.h"
#include "vm/passt.h"
#include "vm/pid_file.h"
#include "vm/pipes.h"
#include "vm/ports.h"
#include "vm/program.h"
#include "vm/published.h"
#include "vm/record.h"
#include "vm/runtime.h"
#include "vm/sandbox.h"
#include "vm/scratch.h"
#include "vm/sockets.h"
#include "vm/step.h"
#include "vm/window.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A vhost-net node is opened together with its tap device. */
static void plan_with_tap(struct vm *vm, size_t resource)
{
	(void)vm;
	(void)resource;
}

static void plan_resource(struct vm *vm, size_t i)
{
	/* A kind that no command line names has none, and is refused. */
	static void (*const planners[])(struct vm *, size_t) = {
		[RESOURCE_DISK] = vm_plan_image,
		[RESOURCE_BACKING] = vm_plan_image,
		[RESOURCE_NVRAM] = vm_plan_image,
		[RESOURCE_FILE] = vm_plan_file,
		[RESOURCE_DIRECTORY] = vm_plan_directory,
		[RESOURCE_LOG] = vm_plan_log,
		[RESOURCE_PIDFILE] = vm_plan_pid_file,
		[RESOURCE_LISTEN] = vm_plan_listen,
		[RESOURCE_CONNECT] = vm_plan_connect,
		[RESOURCE_LINK] = vm_plan_link,
		[RESOURCE_TAP] = vm_plan_network,
		[RESOURCE_BRIDGE] = vm_plan_network,
		[RESOURCE_PASST] = vm_plan_passt,
		[RESOURCE_VHOST_NET] = plan_with_tap,
		[RESOURCE_VHOST] = vm_plan_passed_node,
		[RESOURCE_IOMMU] = vm_plan_passed_node,
		[RESOURCE_DEVICE] = vm_plan_device,
		[RESOURCE_KVM] = vm_plan_kvm_node,
		[RESOURCE_PCI] = vm_plan_pci,
		[RESOURCE_USB] = vm_plan_usb,
		[RESOURCE_MEMORY] = vm_plan_memory,
		[RESOURCE_PIPE] = vm_plan_pipe,
		[RESOURCE_FD] = vm_plan_fd,
	};
	enum resource_kind kind = vm->args->resources[i].kind;

	if (kind < N_ELEMENTS(planners) && planners[kind])
		planners[kind](vm, i);
	else
		vm_refuse(vm, &vm->args->resources[i],
			xasprintf("resources of the kind %s are not supported",
				resource_kind_name(kind)));
}

static void plan_notice(struct vm *vm, const struct qemuargs_notice *notice)
{
	struct qemuargs_resource r = {.kind = RESOURCE_FILE,
		.access = ACCESS_RO,
		.path = notice->path,
		.source = notice->source,
		.reason = notice->reason};

	if (notice->port)
		vm_plan_low_port(vm, notice);
	else if (notice->file)
		vm_plan_noticed_file(vm, &r, notice->file, notice->creates);
	else if (notice->is_refusal)
		vm_refuse(vm, &r, NULL);
	else
		vm_differ(vm, &r, NULL);
}

/* The items stand in the order of the command line. */
static void plan_resources(struct vm *vm)
{
	const struct qemuargs *args = vm->args;
	size_t notice = 0, port = 0;

	for (size_t i = 0; i <= args->n_resources; i++) {
		for (; notice < args->n_notices && args->notices[notice].before == i; notice++)
			plan_notice(vm, &args->notices[notice]);
		for (; port < args->n_ports && args->ports[port].before == i; port++)
			vm_plan_listening_port(vm, &args->ports[port]);
		if (i < args->n_resources)
			plan_resource(vm, i);
	}
}

/* Before others have to wait for it, whether what the command line names can be reached at all. */
static void probe_resources(const struct vm *vm)
{
	cleanup_free const char **paths = xcalloc(vm->args->n_resources + 1, sizeof *paths);
	cleanup_free char **of = xcalloc(vm->args->n_resources + 1, sizeof *of);
	size_t n = 0;

	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const char *path = vm->args->resources[i].path;
		cleanup_free char *error = NULL;
		/* Who plans it will say so. */
		of[i] = path ? absolute_path(path, &error) : NULL;
		if (of[i])
			paths[n++] = of[i];
	}
	probe(paths, n);
	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (of[i] && vm->images != VM_IMAGES_LEAVE &&
			(r->kind == RESOURCE_DISK || r->kind == RESOURCE_BACKING ||
				r->kind == RESOURCE_NVRAM))
			vm_header_probe(of[i], r->format);
		free(of[i]);
	}
}

bool vm_plan(struct vm *vm, char **error)
{
	if (!vm->dry_run && !vm_take_name(vm, error))
		return false;
	if (!vm_check_record(vm, error)) {
		vm_let_go_of_name(vm);
		return false;
	}
	if (!vm_begin_isolation(vm, error)) {
		vm->failed = true;
		vm_let_go_of_name(vm);
		return false;
	}
	probe_resources(vm);
	if (!boot_read(error) || !journal_lock(true, error)) {
		vm->failed = true;
		vm_let_go_of_name(vm);
		return false;
	}
	if (!vm_recover_abandoned(vm, error) || !vm_begin_claims(vm, error)) {
		vm_end_claims(vm);
		vm_let_go_of_name(vm);
		return false;
	}
	vm_plan_record(vm);
	vm_plan_runtime(vm);
	plan_resources(vm);
	vm_plan_kvm(vm);
	vm_plan_limits(vm);
	vm_plan_sandbox(vm);
	vm_plan_scratch(vm);
	vm_plan_window(vm);
	vm_end_claims(vm);
	if (!vm->failure)
		return true;
	*error = steal_pointer(&vm->failure);
	vm->failed = true;
	vm_let_go_of_name(vm);
	return false;
}

static char *name_document(void *context, const char *path, const char *text)
{
	return vm_document(context, path, text);
}

char **vm_command(struct vm *vm, const char *program, const char *found, char **error)
{
	char **words = qemuargs_words(vm->args, name_document, vm);
	size_t n = 0;

	while (words[n])
		n++;
	words = xreallocarray(words, n + 2, sizeof *words);
	memmove(words + 1, words, (n + 1) * sizeof *words);
	words[0] = xstrdup(program);
	vm_plan_program(vm, found);
	if (vm->failure)
		*error = steal_pointer(&vm->failure);
	else if (vm_plan_isolation(vm, found, words, error))
		return words;
	for (char **word = words; *word; word++)
		free(*word);
	free(words);
	return NULL;
}

void vm_refuse_program(struct vm *vm, const char *found, int error)
{
	vm_plan_no_program(vm, found, error);
}
