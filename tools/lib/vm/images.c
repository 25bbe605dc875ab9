/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Claimed, images belong to the QEMU user for as long as QEMU runs. Passed, QEMU gets an opened
 * descriptor for each way in which it will open them, and their owners stay.
 */
#include "vm/images.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/plan.h"
#include "vm/backing.h"
#include "vm/firmware_vars.h"
#include "vm/header.h"
#include "vm/locks.h"
#include "vm/pass.h"
#include "vm/step.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_option(const struct vm *vm, const struct qemuargs_resource *r, const char *name)
{
	return strcmp(vm->args->options[r->option].name, name) == 0;
}

/* What has keys, so that "backing.driver" can be added. */
static bool has_keys(const struct vm *vm, const struct qemuargs_resource *r)
{
	enum qemuargs_form form = vm->args->options[r->option].form;

	return form == QEMUARGS_KEYVALUE || form == QEMUARGS_JSON || form == QEMUARGS_SECTION;
}

/* Whether the image names a backing file beside it, in the directory that it then leaves. */
static bool has_backing_beside(const struct qemuargs_resource *r, const struct safepath *walk)
{
	cleanup_free char *error = NULL;
	struct qcow2 header;

	if (r->has_backing || !vm_header_read(r->format, walk, &header, &error))
		return false;
	bool is_beside = header.backing && vm_header_is_beside(header.backing);
	qcow2_free(&header);
	return is_beside;
}

/* path: that of the resource, absolute, so that there is an item in any case. */
static void plan_claim(
	struct vm *vm, const struct qemuargs_resource *r, char *path, struct safepath *walk)
{
	bool by_descriptor = vm->settings->dynamic_ownership.value && vm_is_closed(vm, walk);

	if (by_descriptor && has_backing_beside(r, walk)) {
		char *help = NULL;
		cleanup_free char *why = vm_why_denied(vm, walk, 0, NULL, &help);
		vm_refuse_helped(vm, r,
			xasprintf("it cannot be passed as a descriptor, since its header names its "
				  "backing file relative to its directory: %s",
				why),
			help);
		return;
	}
	if (vm_add_claim(vm, r,
		    &(struct claim_request){.path = path,
			    .action = ACTION_CLAIM,
			    .access = ACCESS_RW,
			    .passed = by_descriptor}) &&
		by_descriptor)
		vm_pass_by_name(vm, r, walk);
}

/* What stays its owner's must be accessible as it is; or root opens it. */
static void plan_check(
	struct vm *vm, const struct qemuargs_resource *r, char *path, enum resource_access access)
{
	vm_add_claim(vm, r,
		&(struct claim_request){.path = path,
			.action = ACTION_CHECK,
			.access = access,
			.instead = "use --disks=pass"});
}

/* A CD-ROM drive that was given a writable image would be opened for writing. */
static void open_read_only(struct vm *vm, const struct qemuargs_resource *r)
{
	if (r->access == ACCESS_RO || r->snapshot || !has_keys(vm, r))
		return;
	if (is_option(vm, r, "blockdev"))
		qemuargs_set_bool(vm->args, r->option, "read-only", true);
	else
		qemuargs_set(vm->args, r->option, "readonly", "on");
}

static void plan_pass(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	bool is_drive = !is_option(vm, r, "blockdev");
	bool rw = qemuargs_is_written(r);
	char *help = NULL;

	if (walk->unsafe) {
		char *unsafe = safepath_why_no_disk(walk, &help);
		vm_refuse_helped(vm, r, unsafe, help);
		return;
	}
	if (!S_ISREG(walk->st.st_mode) && !S_ISBLK(walk->st.st_mode)) {
		vm_refuse(vm, r, xstrdup("not a regular file or block device"));
		return;
	}
	char *fixed = rw ? claimable_why_fixed(walk, &help) : NULL;
	if (fixed) {
		vm_refuse_helped(vm, r, fixed, help);
		return;
	}
	if (r->by_name) {
		vm_refuse(vm, r,
			xstrdup("driver io_uring opens it by its name, and cannot be passed a "
				"descriptor; use --disks=claim, or driver file with aio=io_uring"));
		return;
	}
	/* What is shared is others' too, and the admin's word. */
	char *why = !rw		? NULL
		    : r->shared ? claimable_why_system(&vm->claims.claimable, walk, &help)
				: claims_why_not_passed(&vm->claims, walk, r->path, &help);
	if (why) {
		vm_refuse_helped(vm, r, why, help);
		return;
	}
	bool is_block = S_ISBLK(walk->st.st_mode);
	if (is_block && is_drive && !has_keys(vm, r)) {
		vm_refuse(vm, r,
			xasprintf(
				"a block device can only be passed if given as -drive file=%s,...",
				r->path));
		return;
	}
	cleanup_free char *set =
		vm_pass_set(vm, walk, is_drive || !rw || r->auto_read_only, rw, r->direct);
	/* QEMU tells a device by its name, which is gone. */
	if (is_block && is_drive && strcmp(r->key, "file") == 0) {
		qemuargs_set(vm->args, r->option, "file", NULL);
		qemuargs_set(vm->args, r->option, "file.driver", "host_device");
		qemuargs_set(vm->args, r->option, "file.filename", set);
	} else {
		qemuargs_set(vm->args, r->option, r->key, set);
	}
	vm_item(vm, r, ACTION_PASS, NULL);
}

/* Variables of firmware are a copy that scripts make, or forget to. */
static void refuse_missing_vars(struct vm *vm, const struct qemuargs_resource *r)
{
	cleanup_free char *path = vm_absolute(vm, r->path);
	char *make = path ? vm_make_vars(vm->args, path) : NULL;

	if (path)
		vm_refuse_helped(vm, r,
			xasprintf("cannot reach %s: %s; %s%s", path, strerror(ENOENT),
				make ? "copy the template of the firmware; "
				     : "copy the template of the firmware there: OVMF_VARS*.fd of "
				       "the package ovmf, or edk2-ovmf",
				make ? make : ""),
			make);
}

/* What nobody makes accessible must be so already: QEMU starts, and says what it could not open. */
static void plan_leave(struct vm *vm, const struct qemuargs_resource *r)
{
	cleanup_free char *path = vm_absolute(vm, r->path);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!path)
		return;
	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		vm_differ(vm, r, steal_pointer(&error));
		return;
	}
	char *help = NULL;
	char *why = vm_why_denied(
		vm, &walk, qemuargs_is_written(r) ? R_OK | W_OK : R_OK, "use --disks=claim", &help);
	if (why)
		vm_differ_helped(vm, r, why, help);
	else
		vm_item(vm, r, ACTION_LEAVE, xstrdup("--disks=leave"));
	vm_check_locks(vm, r, &walk, false);
	safepath_close(&walk);
}

void vm_plan_image(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (vm->images == VM_IMAGES_LEAVE) {
		plan_leave(vm, r);
		return;
	}
	bool is_missing = false, is_vars = r->kind == RESOURCE_NVRAM && r->access != ACCESS_RO;
	cleanup_free char *path = vm_reach(vm, r, &walk, is_vars ? &is_missing : NULL);
	if (is_missing)
		refuse_missing_vars(vm, r);
	if (!path)
		return;
	if (r->cdrom)
		open_read_only(vm, r);
	if (vm->images == VM_IMAGES_PASS)
		plan_pass(vm, r, &walk);
	else if (qemuargs_is_written(r) && (r->shared || r->kind == RESOURCE_BACKING))
		plan_check(vm, r, path, ACCESS_RW);
	else if (qemuargs_is_written(r))
		plan_claim(vm, r, path, &walk);
	else
		plan_check(vm, r, path, ACCESS_RO);
	safepath_close(&walk);
	/* The walks of the planning have come between; the header is read from the same file. */
	if (!vm->items[vm->n_items - 1].path ||
		vm->items[vm->n_items - 1].action == ACTION_REFUSE ||
		!safepath_open_from(&vm->claims.start, path, &walk, &error))
		return;
	vm_check_locks(vm, r, &walk, false);
	vm_follow_header(vm, r, path, &walk);
	safepath_close(&walk);
}
