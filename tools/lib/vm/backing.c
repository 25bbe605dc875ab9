/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/backing.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/probe.h"
#include "vm/header.h"
#include "vm/isolation.h"
#include "vm/locks.h"
#include "vm/pass.h"
#include "vm/step.h"

#include <string.h>
#include <unistd.h>

static bool is_trusted(const struct vm *vm, const char *path)
{
	for (size_t i = 0; i < vm->n_trusted; i++)
		if (strcmp(vm->trusted[i], path) == 0)
			return true;
	return false;
}

struct reference {
	const struct qemuargs_resource *resource; /* the image at the top */
	const char *prefix; /* of the keys of the image that names it: "", "backing." */
	const char *image;  /* the path of that image */
	unsigned depth;
};

static void follow_header(
	struct vm *vm, const struct reference *at, const char *format, const struct safepath *walk);

/*
 * A data file that QEMU writes takes more than --backing, which allows to read: the header could
 * make the base of many images the data file of one.
 */
static bool is_written(const struct reference *at, const char *what)
{
	return at->depth == 0 && strcmp(what, "data-file") == 0 &&
	       qemuargs_is_written(at->resource);
}

/* What allows a header to name it, new. */
static char *what_helps(const struct reference *at, const char *what, const char *path)
{
	cleanup_free char *word = shell_word(path);

	if (is_written(at, what))
		return xasprintf("to name it, add data-file.driver=file,data-file.filename=%s to "
				 "the -drive or -blockdev",
			word);
	return xasprintf("to allow it: --disks=pass --backing %s", word);
}

static void refuse_reference(struct vm *vm, const struct reference *at, const char *what,
	const char *path, const char *why)
{
	cleanup_free char *help = what_helps(at, what, path);

	vm_refuse(vm, at->resource,
		xasprintf("the header of %s names %s as its %s, which the command line does not: "
			  "%s; %s",
			at->image, path, what, why, help));
}

/* Writes what the header says into the option that describes the image. */
static bool spell_out(struct vm *vm, const struct reference *at, const char *what,
	const char *driver, const char *file)
{
	const struct qemuargs_resource *r = at->resource;
	enum qemuargs_form form = vm->args->options[r->image_option].form;
	cleanup_free char *base = xasprintf("%s%s%s", r->image_key, at->prefix, what);
	cleanup_free char *driver_key = xasprintf("%s.driver", base);
	cleanup_free char *file_key = xasprintf("%s.file.filename", base);
	cleanup_free char *protocol_key = xasprintf("%s.file.driver", base);

	if (form != QEMUARGS_KEYVALUE && form != QEMUARGS_JSON && form != QEMUARGS_SECTION)
		return false;
	qemuargs_set(vm->args, r->image_option, driver_key, driver);
	qemuargs_set(vm->args, r->image_option, protocol_key, "file");
	qemuargs_set(vm->args, r->image_option, file_key, file);
	return true;
}

/* What is named by a protocol is none of the host's. */
static void leave_protocol(
	struct vm *vm, const struct reference *at, const char *what, const char *name)
{
	struct vm_item *item = vm_item(vm, at->resource, ACTION_LEAVE,
		xasprintf("the header of %s names its %s by a protocol; QEMU opens it as %s",
			at->image, what, vm->identity.user));

	free(item->path);
	item->path = xstrdup(name);
}

/* What a header names. */
struct named {
	const char *what; /* "backing", "data-file" */
	const char *path;
	bool beside;	    /* by its name, it is in the image's directory */
	const char *format; /* NULL: none is stated */
	bool written;
	bool trusted;
};

/* Passes it. NULL, or why it can't be, new. */
static char *pass_reference(struct vm *vm, const struct reference *at, const struct named *named,
	const struct safepath *walk)
{
	if (walk->unsafe)
		return xstrdup(walk->unsafe);
	cleanup_free char *set = vm_pass_set(vm, walk, true, false, at->resource->direct);
	if (named->format && spell_out(vm, at, named->what, named->format, set))
		return NULL;
	return xstrdup("it can only be passed if the header records its format, and the image is "
		       "given by -drive or -blockdev with its format");
}

/*
 * Has QEMU find it, and passes it where it is to. NULL, or why QEMU would have no access, new.
 * help: see base/help.h.
 */
static char *plan_reference(struct vm *vm, const struct reference *at, const struct named *named,
	const struct safepath *walk, char **help)
{
	bool passes = vm->images == VM_IMAGES_PASS;
	int wanted = named->written ? R_OK | W_OK : R_OK;
	bool is_denied = vm_is_denied(vm, walk, wanted);

	if (is_denied && named->trusted && passes)
		return pass_reference(vm, at, named, walk);
	if (is_denied && named->trusted)
		return vm_why_denied(vm, walk, wanted, "use --disks=pass", help);
	if (is_denied)
		return vm_why_named_denied(vm, walk, wanted);
	/* Passed images have no name of their own any more that a relative one could start from. */
	if (passes && named->beside &&
		!(named->format && spell_out(vm, at, named->what, named->format, named->path)))
		return xstrdup("relative path, and an image that is passed has no directory");
	return NULL;
}

static void add_reference(struct vm *vm, const struct reference *at, const struct named *named,
	const struct safepath *walk, const char *why, const char *help)
{
	struct qemuargs_resource backing = *at->resource;
	bool passes = vm->images == VM_IMAGES_PASS;

	backing.path = (char *)named->path;
	backing.kind = RESOURCE_BACKING;
	backing.access = named->written ? ACCESS_RW : ACCESS_RO;
	if (!why) {
		vm_item(vm, &backing, named->trusted && passes ? ACTION_PASS : ACTION_CHECK,
			xasprintf("named by the header of %s", at->image));
		vm_check_locks(vm, &backing, walk, true);
		return;
	}
	if (!named->trusted)
		refuse_reference(vm, at, named->what, named->path, why);
	else
		vm_refuse_helped(vm, &backing, xstrdup(why), help ? xstrdup(help) : NULL);
}

/* What an image names as its backing or data file: QEMU opens it, as the QEMU user. */
static void follow_reference(struct vm *vm, const struct reference *at, const char *what,
	const char *name, const char *format)
{
	bool is_backing = strcmp(what, "backing") == 0;
	cleanup_free char *relative = vm_header_path(is_backing ? at->image : NULL, name);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!relative) {
		leave_protocol(vm, at, what, name);
		return;
	}
	vm->names_relative |= relative[0] != '/';
	cleanup_free char *path = vm_absolute(vm, relative);
	if (!path)
		return;
	if (!probe_is_known(path)) {
		refuse_reference(
			vm, at, what, path, "it did not exist when the file systems were probed");
		return;
	}
	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		refuse_reference(vm, at, what, path, error);
		return;
	}
	bool written = is_written(at, what);
	const struct named named = {what, path, is_backing && vm_header_is_beside(name), format,
		written, !written && is_trusted(vm, path)};
	cleanup_free char *help = NULL;
	cleanup_free char *why = plan_reference(vm, at, &named, &walk, &help);
	add_reference(vm, at, &named, &walk, why, help);
	if (!why && at->depth < VM_HEADER_MAX_DEPTH) {
		cleanup_free char *prefix = xasprintf("%s%s.", at->prefix, what);
		struct reference next = {at->resource, prefix, path, at->depth + 1};
		follow_header(vm, &next, format, &walk);
	}
	safepath_close(&walk);
}

static void follow_header(
	struct vm *vm, const struct reference *at, const char *format, const struct safepath *walk)
{
	cleanup_free char *error = NULL;
	struct qcow2 header;

	if (!vm_header_read(format, walk, &header, &error)) {
		/* QEMU says what is wrong with an image; it is its business. */
		if (error)
			info("%s: %s", at->image, error);
		return;
	}
	bool is_top = at->depth == 0;
	if (header.backing && !(is_top && at->resource->has_backing))
		follow_reference(vm, at, "backing", header.backing, header.backing_format);
	if (header.data_file && !(is_top && at->resource->has_data_file))
		follow_reference(vm, at, "data-file", header.data_file, "raw");
	qcow2_free(&header);
}

/*
 * QEMU would find out by itself that it is qcow2, and open what its header names: as its user,
 * which root's was not; of the VM's own root directory, that is not a part. It is not followed
 * either: a guest could have written it.
 */
static void plan_probed(
	struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	cleanup_free char *error = NULL;
	struct qcow2 header;

	if (!vm_header_read("qcow2", walk, &header, &error))
		return;
	bool has_backing = header.backing && !r->has_backing;
	bool has_other = has_backing || (header.data_file && !r->has_data_file);
	if (has_other && !vm_has_own_root(vm))
		vm_differ(vm, r,
			xasprintf("its format is not stated, and it looks like a qcow2 image that "
				  "has the %s file %s: QEMU probes the format, and opens that file "
				  "as %s; add format=qcow2 to the -drive, or format=raw if it is "
				  "none",
				has_backing ? "backing" : "data",
				has_backing ? header.backing : header.data_file,
				vm->identity.user));
	else if (has_other)
		vm_refuse(vm, r,
			xasprintf("it looks like a qcow2 image that has a %s file, which an "
				  "isolated QEMU does not see unless the format is stated: add "
				  "format=qcow2 to the -drive, or format=raw if it is none",
				has_backing ? "backing" : "data"));
	qcow2_free(&header);
}

void vm_follow_header(struct vm *vm, const struct qemuargs_resource *r, const char *path,
	const struct safepath *walk)
{
	if (!r->format)
		plan_probed(vm, r, walk);
	const struct reference top = {r, "", path, 0};

	follow_header(vm, &top, r->format, walk);
}
