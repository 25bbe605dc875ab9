/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disks, their backing files, flash memory, and files that are the guest's memory.
 *
 * Claimed, they belong to the QEMU user for as long as QEMU runs. Passed, QEMU gets an
 * opened descriptor for each way in which it will open them, in a set (-add-fd), and their
 * owners stay. What the header of an image names is the guest's word: root does nothing to
 * such a file unless the command line, or --backing, names it too.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "path/probe.h"
#include "vm/header.h"
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Above what people choose by hand for their own -add-fd. */
#define FIRST_FDSET 1000

static bool writes(const struct qemuargs_resource *r)
{
	return r->access != ACCESS_RO && !r->cdrom && !r->snapshot;
}

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

/* Descriptors. */

static bool open_object(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	int fd = safepath_reopen(step->object, step->flags | O_NONBLOCK);

	if (fd < 0) {
		*error = xasprintf("can't open %s: %s", step->path, strerror(errno));
		return false;
	}
	/* It is only there so that nothing that is not what was judged can block. */
	if (fcntl(fd, F_SETFL, step->flags & ~O_ACCMODE) < 0) {
		*error = xasprintf("can't set the flags of %s: %s", step->path, strerror(errno));
		close(fd);
		return false;
	}
	return vm_fill(step->fd, fd, error);
}

static bool hold_object(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	int fd = fcntl(step->object, F_DUPFD_CLOEXEC, 3);

	if (fd < 0) {
		*error = xasprintf("can't hold %s: %s", step->path, strerror(errno));
		return false;
	}
	return vm_fill(step->fd, fd, error);
}

static int keep_object(const struct safepath *walk)
{
	int fd = fcntl(walk->fd, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		die_errno("can't keep %s open; a higher limit of open files (ulimit -n) helps",
			walk->path);
	return fd;
}

/* Adds a descriptor of the object, opened so, to a set of QEMU's. */
static void add_to_set(
	struct vm *vm, unsigned set, const struct safepath *walk, int flags, int *first)
{
	struct vm_step *step = vm_step(vm, walk->path);

	step->prepare = open_object;
	step->object = keep_object(walk);
	step->flags = flags;
	step->fd = vm_reserve(vm);
	if (*first < 0)
		*first = step->fd;
	cleanup_free char *value = xasprintf("fd=%d,set=%u", step->fd, set);
	qemuargs_prepend(vm->args, "add-fd", value);
}

/* "/dev/fdset/N", new: the object as an image that is opened in these ways. */
static char *pass_object(
	struct vm *vm, const struct safepath *walk, bool reads, bool writes_too, bool direct)
{
	unsigned set = FIRST_FDSET + vm->n_fdsets++;
	int extra = direct ? O_DIRECT : 0;
	int first = -1;

	if (reads)
		add_to_set(vm, set, walk, O_RDONLY | extra, &first);
	if (writes_too)
		add_to_set(vm, set, walk, O_RDWR | extra, &first);
	return xasprintf("/dev/fdset/%u", set);
}

/* Headers. */

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

static void refuse_reference(struct vm *vm, const struct reference *at, const char *what,
	const char *path, const char *why)
{
	cleanup_free char *word = shell_word(path);

	vm_refuse(vm, at->resource,
		xasprintf("the header of %s names %s as its %s, and the command line does not: %s; "
			  "if that is what you mean, name it: --disks=pass --backing %s",
			at->image, path, what, why, word));
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

/*
 * What an image names as its backing or data file: QEMU opens it, as the QEMU user. Passed
 * images have no name of their own any more that a relative one could start from.
 */
static void follow_reference(struct vm *vm, const struct reference *at, const char *what,
	const char *name, const char *format)
{
	cleanup_free char *path = vm_header_path(at->image, name);
	cleanup_free char *error = NULL, *why = NULL;
	bool passes = vm->images == VM_IMAGES_PASS, way;
	struct safepath walk;

	if (!path) {
		struct vm_item *item = vm_item(vm, at->resource, ACTION_LEAVE,
			xasprintf("the header of %s names its %s by a protocol; QEMU opens it as "
				  "%s",
				at->image, what, vm->identity.user));
		free(item->path);
		item->path = xstrdup(name);
		return;
	}
	if (!probe_is_known(path)) {
		refuse_reference(vm, at, what, path,
			"it was not there before, and somebody would have to be asked for it");
		return;
	}
	bool trusted = is_trusted(vm, path);
	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		refuse_reference(vm, at, what, path, error);
		return;
	}
	why = trusted ? vm_why_denied(vm, &walk, R_OK, &way)
		      : vm_why_named_denied(vm, &walk, R_OK, &way);
	if (why && trusted && passes && walk.unsafe) {
		free(why);
		why = xstrdup(walk.unsafe);
	} else if (why && trusted && passes) {
		free(why);
		why = NULL;
		cleanup_free char *set = pass_object(vm, &walk, true, false, at->resource->direct);
		if (!format || !spell_out(vm, at, what, format, set))
			why = xstrdup("it can only be passed where its format is stated in the "
				      "header, and the image is named by -drive or -blockdev with "
				      "its format");
	} else if (!why && passes && name[0] != '/' &&
		   !(format && spell_out(vm, at, what, format, path))) {
		why = xstrdup("it is relative, and a passed image has no directory");
	}
	struct qemuargs_resource backing = *at->resource;
	backing.path = path;
	backing.kind = RESOURCE_BACKING;
	backing.access = ACCESS_RO;
	if (why && trusted)
		vm_refuse(vm, &backing, xasprintf("%s; or hand it over: --disks=pass", why));
	else if (why)
		refuse_reference(vm, at, what, path, why);
	else
		vm_item(vm, &backing, trusted && passes ? ACTION_PASS : ACTION_CHECK,
			xasprintf("named by the header of %s", at->image));
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
	bool is_spelled_out = at->depth == 0 && at->resource->has_backing;
	if (header.backing && !is_spelled_out)
		follow_reference(vm, at, "backing", header.backing, header.backing_format);
	if (header.data_file)
		follow_reference(vm, at, "data-file", header.data_file, "raw");
	qcow2_free(&header);
}

/* Claiming, checking, passing. */

/* Names the image by a descriptor: the QEMU user may open it, but not search the way to it. */
static void hand_over(struct vm *vm, const struct qemuargs_resource *r, const struct safepath *walk)
{
	struct vm_step *step = vm_step(vm, walk->path);

	step->prepare = hold_object;
	step->object = keep_object(walk);
	step->fd = vm_reserve(vm);
	cleanup_free char *name = vm_fd_path(step->fd);
	qemuargs_set(vm->args, r->option, r->key, name);
}

/* Whether the image names its backing file from its own directory, which it then leaves. */
static bool has_relative_backing(const struct qemuargs_resource *r, const struct safepath *walk)
{
	cleanup_free char *error = NULL;
	struct qcow2 header;

	if (r->has_backing || !vm_header_read(r->format, walk, &header, &error))
		return false;
	bool is_relative = header.backing && header.backing[0] != '/' &&
			   !vm_header_has_protocol(header.backing);
	qcow2_free(&header);
	return is_relative;
}

static void plan_claim(struct vm *vm, const struct qemuargs_resource *r, struct safepath *walk)
{
	bool way;
	cleanup_free char *why = vm_why_denied(vm, walk, 0, &way);
	bool by_descriptor = why && way && vm->settings->dynamic_ownership.value;

	if (by_descriptor && has_relative_backing(r, walk)) {
		vm_refuse(vm, r,
			xasprintf("%s; QEMU can't get it by a descriptor alone, since its header "
				  "names its backing file from its own directory",
				why));
		return;
	}
	if (vm_add_claim(vm, r,
		    &(struct claim_request){.path = r->path,
			    .action = ACTION_CLAIM,
			    .access = ACCESS_RW,
			    .passed = by_descriptor}) &&
		by_descriptor)
		hand_over(vm, r, walk);
}

/* What stays its owner's must be accessible as it is; or root opens it. */
static void plan_check(
	struct vm *vm, const struct qemuargs_resource *r, enum resource_access access)
{
	if (vm_add_claim(vm, r,
		    &(struct claim_request){
			    .path = r->path, .action = ACTION_CHECK, .access = access}))
		return;
	struct vm_item *item = &vm->items[vm->n_items - 1];
	cleanup_free char *why = item->reason;
	item->reason = xasprintf("%s; or let root open the disks: --disks=pass", why);
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
	bool rw = writes(r);

	if (walk->unsafe) {
		vm_refuse(vm, r, xstrdup(walk->unsafe));
		return;
	}
	if (!S_ISREG(walk->st.st_mode) && !S_ISBLK(walk->st.st_mode)) {
		vm_refuse(vm, r, xstrdup("it is no regular file and no block device"));
		return;
	}
	/* What is shared is others' too, and the admin's word. */
	char *why = !rw		? NULL
		    : r->shared ? claimable_why_system(walk)
				: claims_why_not_passed(&vm->claims, walk, r->path);
	if (why) {
		vm_refuse(vm, r, why);
		return;
	}
	bool is_block = S_ISBLK(walk->st.st_mode);
	if (is_block && is_drive && !has_keys(vm, r)) {
		vm_refuse(vm, r,
			xasprintf("a block device can only be passed where it is written as -drive "
				  "file=%s,...",
				r->path));
		return;
	}
	cleanup_free char *set =
		pass_object(vm, walk, is_drive || !rw || r->auto_read_only, rw, r->direct);
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

void vm_plan_image(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *path = place_absolute(r->path);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (vm->images == VM_IMAGES_LEAVE) {
		vm_item(vm, r, ACTION_LEAVE, xstrdup("--disks=leave"));
		return;
	}
	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
		return;
	}
	if (r->cdrom)
		open_read_only(vm, r);
	if (vm->images == VM_IMAGES_PASS)
		plan_pass(vm, r, &walk);
	else if (writes(r) && (r->shared || r->kind == RESOURCE_BACKING))
		plan_check(vm, r, ACCESS_RW);
	else if (writes(r))
		plan_claim(vm, r, &walk);
	else
		plan_check(vm, r, ACCESS_RO);
	safepath_close(&walk);
	/* The walks of the planning have come between; the header is read from the same file. */
	if (!vm->items[vm->n_items - 1].path ||
		vm->items[vm->n_items - 1].action == ACTION_REFUSE ||
		!safepath_open_from(&vm->claims.start, path, &walk, &error))
		return;
	struct reference top = {r, "", path, 0};
	follow_header(vm, &top, r->format, &walk);
	safepath_close(&walk);
}

/* Memory. */

static bool make_directory(struct vm *vm, struct vm_step *step, char **error)
{
	const char *name = step->name;
	int dir = step->place.dir;
	struct stat st;

	/* What a killed runner left; it is empty, since QEMU's files there have no name. */
	unlinkat(dir, name, AT_REMOVEDIR);
	if (mkdirat(dir, name, 0700) < 0) {
		*error = xasprintf("can't make the directory %s: %s", step->path, strerror(errno));
		return false;
	}
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_uid != geteuid() ||
		fchown(fd, vm->identity.uid, vm->identity.gid) < 0) {
		*error = xasprintf("can't give the directory %s to %s: %s", step->path,
			vm->identity.user, strerror(errno));
		unlinkat(dir, name, AT_REMOVEDIR);
		return false;
	}
	return true;
}

static void remove_directory(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	if (unlinkat(step->place.dir, step->name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		warn_errno("can't remove the directory %s", step->path);
}

/* QEMU makes a file without a name there: in hugetlbfs, which is root's, or in a tmpfs. */
static void plan_memory_directory(
	struct vm *vm, const struct qemuargs_resource *r, struct safepath *walk)
{
	bool way;
	cleanup_free char *why = vm_why_denied(vm, walk, R_OK | W_OK | X_OK, &way);

	if (!why) {
		vm_item(vm, r, ACTION_CHECK, NULL);
		return;
	}
	cleanup_free char *way_why = vm_why_denied(vm, walk, X_OK, &way);
	if (walk->unsafe || way_why) {
		vm_refuse(vm, r, xstrdup(walk->unsafe ? walk->unsafe : way_why));
		return;
	}
	cleanup_free char *path = xasprintf("%s/virt-privileges-%s", walk->path, vm->name);
	struct vm_step *step = vm_step(vm, path);
	step->prepare = make_directory;
	step->give_back = remove_directory;
	step->place.dir = keep_object(walk);
	step->name = xasprintf("virt-privileges-%s", vm->name);
	qemuargs_set(vm->args, r->option, r->key, path);
	vm_item(vm, r, ACTION_MAKE, xasprintf("QEMU gets the directory %s", path));
}

void vm_plan_memory(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *path = place_absolute(r->path);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!safepath_open_from(&vm->claims.start, path, &walk, &error)) {
		if (errno == ENOENT)
			vm_plan_log(vm, resource);
		else
			vm_refuse(vm, r, steal_pointer(&error));
		return;
	}
	if (S_ISDIR(walk.st.st_mode))
		plan_memory_directory(vm, r, &walk);
	else if (r->access == ACCESS_RO)
		vm_add_claim(vm, r,
			&(struct claim_request){
				.path = r->path, .action = ACTION_CHECK, .access = ACCESS_RO});
	else
		vm_add_claim(vm, r,
			&(struct claim_request){.path = r->path,
				.action = ACTION_CLAIM,
				.access = ACCESS_RW,
				.is_device = S_ISCHR(walk.st.st_mode)});
	safepath_close(&walk);
}
