/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A file that QEMU would make is made by root where it was asked for, and claimed. */
#include "vm/logs.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "path/command.h"
#include "vm/descriptors.h"
#include "vm/made.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was made is claimed by its descriptor: a name in /tmp says nothing of it. */
static void want_made(struct vm *vm, const struct vm_step *step, int fd)
{
	cleanup_free char *path = xasprintf("%s/%s", step->place.dir_path, step->place.name);
	struct claim_request wanted = {.kind = RESOURCE_DISK,
		.access = ACCESS_RW,
		.action = ACTION_CLAIM,
		.path = path,
		.source = step->path,
		.reason = (char *)"made",
		.passed = true,
		.made = fd};

	vm_want(vm, &wanted);
}

/* What QEMU has never had, and what nothing was written into, is not left behind. */
static void unmake_file(struct vm *vm, struct vm_step *step)
{
	struct stat st;

	if (vm->has_run || vm->was_claimed)
		return;
	if (fstatat(step->place.dir, step->place.name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_size > 0)
		return;
	vm_remove_made(step);
}

/* The new file's mode, and what holds it: *kept for the claim; for QEMU *fd, which is taken then.
 */
static bool hold_made(struct vm_step *step, mode_t mode, int *fd, int *kept, char **error)
{
	struct stat st;

	if (fchmod(*fd, mode | S_IRUSR | S_IWUSR) < 0 || fstat(*fd, &st) < 0) {
		*error = xasprintf("cannot create %s: %s", step->path, strerror(errno));
		return false;
	}
	step->dev = st.st_dev;
	step->ino = st.st_ino;
	*kept = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (*kept < 0) {
		*error = xasprintf("cannot keep %s open: %s", step->path, strerror(errno));
		return false;
	}
	return step->fd < 0 || vm_fill(step->fd, steal_fd(fd), error);
}

static bool make_file(struct vm *vm, struct vm_step *step, char **error)
{
	const struct place *place = &step->place;
	mode_t mask = umask(0);

	umask(mask);
	/* A file of root's own in a directory like /tmp, that QEMU would have emptied. */
	if (place->exists && unlinkat(place->dir, place->name, 0) < 0 && errno != ENOENT) {
		*error = xasprintf("cannot replace %s: %s", step->path, strerror(errno));
		return false;
	}
	cleanup_fd int fd = openat(
		place->dir, place->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	mode_t mode = step->mode ? step->mode : 0666 & ~mask;
	int kept;

	if (fd < 0) {
		*error = xasprintf("cannot create %s: %s", step->path, strerror(errno));
		return false;
	}
	if (!hold_made(step, mode, &fd, &kept, error)) {
		unlinkat(place->dir, place->name, 0);
		return false;
	}
	vm_note_where_made(step, kept);
	want_made(vm, step, kept);
	return true;
}

/* What an earlier start has made: its owner is known, though its name alone says nothing. */
static bool take_made(struct vm *vm, struct vm_step *step, char **error)
{
	cleanup_fd int fd = -1;
	int kept;

	if (vm_was_made_there(&step->place))
		fd = safepath_reopen(step->place.walk.fd, O_RDWR);
	else
		errno = ESTALE;
	if (fd < 0) {
		*error = xasprintf("cannot open %s: %s", step->path, strerror(errno));
		return false;
	}
	if (!hold_made(step, step->mode, &fd, &kept, error))
		return false;
	want_made(vm, step, kept);
	return true;
}

/*
 * An emptied file is as good as a new one. Where its name can't be trusted, taking root's own
 * file away harms nobody if whoever could have put it there could have taken it away himself:
 * the owner of the directory, below directories that only he and root can change; or, in a sticky
 * directory of root's, whoever has moved it there out of one of his own.
 */
static bool can_be_replaced(const struct qemuargs_resource *r, const struct place *place)
{
	const struct safepath *walk = &place->walk;

	if (r->kind != RESOURCE_LOG || r->append || !S_ISREG(walk->st.st_mode) ||
		walk->st.st_uid != 0 || walk->st.st_nlink != 1 || walk->link_owner != 0)
		return false;
	for (size_t i = 0; i < walk->n_dirs; i++)
		if (!trust_allows(
			    TRUST_REPLACES, &walk->dirs[i]->writers, place->dir_st.st_uid, NULL))
			return false;
	return true;
}

/* A step about a file at that place, which it takes. */
static struct vm_step *plan_place(
	struct vm *vm, const struct qemuargs_resource *r, struct place *place, bool by_descriptor)
{
	struct vm_step *step = vm_step(vm, place->path);

	if (by_descriptor) {
		step->fd = vm_reserve(vm);
		qemuargs_set(vm->args, r->option, r->key, IO_FD_PATH(step->fd));
	}
	if (place->exists)
		step->mode = place->walk.st.st_mode & 0777;
	step->place = *place;
	*place = (struct place){.dir = -1, .walk = {.fd = -1}};
	return step;
}

static void plan_make(
	struct vm *vm, const struct qemuargs_resource *r, struct place *place, bool by_descriptor)
{
	if (!vm->settings->dynamic_ownership.value) {
		vm_refuse(vm, r,
			xasprintf("it does not exist, and with dynamic_ownership = 0 no owner is "
				  "changed to %s; create it, writable by %s",
				vm->identity.user, vm->identity.user));
		return;
	}
	if (!vm_can_make(vm, r, place))
		return;
	struct vm_step *step = plan_place(vm, r, place, by_descriptor);
	step->prepare = make_file;
	step->give_back = unmake_file;
	vm_item(vm, r, ACTION_MAKE,
		xstrdup(step->place.exists ? "truncated, and claimed" : "created, and claimed"));
}

static void plan_made(
	struct vm *vm, const struct qemuargs_resource *r, struct place *place, bool by_descriptor)
{
	plan_place(vm, r, place, by_descriptor)->prepare = take_made;
	vm_item(vm, r, ACTION_CLAIM, xstrdup("created by an earlier start"));
}

/* To a refusal, if it was one: without the file, it is made. */
static void suggest_removal(struct vm *vm)
{
	struct vm_item *item = &vm->items[vm->n_items - 1];

	if (item->action != ACTION_REFUSE)
		return;
	cleanup_free char *why = item->reason;
	free(item->help);
	item->help = NULL;
	item->reason = help_message(&item->help,
		xasprintf("%s; or remove it, if nothing in it is needed any more", why), ": ",
		command_on("rm", item->path));
}

/* What exists stays, and is claimed; QEMU opens it for writing and empties it or goes on. */
static void plan_existing(struct vm *vm, const struct qemuargs_resource *r, struct place *place)
{
	struct safepath *walk = &place->walk;
	bool is_file = S_ISREG(walk->st.st_mode);

	if (!is_file) {
		/* /dev/null, a terminal, a FIFO. */
		vm_check_access(vm, r, walk, W_OK);
		return;
	}
	if (walk->unsafe && can_be_replaced(r, place)) {
		plan_make(vm, r, place, vm_is_denied(vm, walk, 0));
		return;
	}
	if (walk->unsafe && vm->settings->dynamic_ownership.value && vm_was_made_there(place)) {
		plan_made(vm, r, place, vm_is_denied(vm, walk, 0));
		return;
	}
	/* A claimed file can be written; only its parent directories can deny QEMU that. */
	bool by_descriptor = vm->settings->dynamic_ownership.value && vm_is_closed(vm, walk);
	int object = by_descriptor ? fcntl(walk->fd, F_DUPFD_CLOEXEC, 3) : -1;
	if (!vm_add_claim(vm, r,
		    &(struct claim_request){.path = r->path,
			    .action = ACTION_CLAIM,
			    .access = ACCESS_RW,
			    .passed = by_descriptor}) ||
		!by_descriptor) {
		if (walk->unsafe)
			suggest_removal(vm);
		if (object >= 0)
			close(object);
		return;
	}
	cleanup_free char *error = NULL;
	int reserved = vm_reserve(vm);
	if (object < 0 || !vm_fill(reserved, object, &error))
		vm_fail(vm, xasprintf("cannot keep %s open: %s", r->path,
				    error ? error : strerror(errno)));
	qemuargs_set(vm->args, r->option, r->key, IO_FD_PATH(reserved));
}

void vm_plan_log(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	cleanup_free char *error = NULL;
	struct place place;

	if (!place_find(r->path, &place, &error)) {
		vm_refuse(vm, r, steal_pointer(&error));
	} else if (place.exists) {
		plan_existing(vm, r, &place);
	} else if (place.walk.unsafe) {
		vm_refuse(vm, r, xstrdup(place.walk.unsafe));
	} else {
		/* The directory itself is a parent of the file. */
		plan_make(vm, r, &place, vm_is_denied(vm, &place.walk, X_OK));
	}
	place_close(&place);
}
