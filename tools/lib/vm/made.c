/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/made.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/libvirt_xattr.h"
#include "path/attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

bool vm_is_own_user(const struct vm *vm, uid_t uid)
{
	const struct id_range *ids = &vm->settings->isolate_ids.value;

	return uid == vm->identity.uid || uid == vm->account || uid - ids->first < ids->count;
}

/* Removes what QEMU would, but nothing that is somebody else's or not what we make. */
bool vm_clear_place(const struct vm *vm, const struct vm_step *step, char **error)
{
	struct stat st;

	if (fstatat(step->place.dir, step->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return true;
	} else if (st.st_uid != 0 && (!vm_is_own_user(vm, st.st_uid) || !S_ISSOCK(st.st_mode))) {
		*error = xasprintf("%s exists, and is owned by uid %u; remove it first", step->path,
			st.st_uid);
		return false;
	} else if (!S_ISSOCK(st.st_mode) && !S_ISLNK(st.st_mode)) {
		*error = xasprintf("%s exists, and is not a socket; remove it first", step->path);
		return false;
	} else if (unlinkat(step->place.dir, step->place.name, 0) == 0) {
		return true;
	}
	*error = xasprintf("cannot remove the old socket %s: %s", step->path, strerror(errno));
	return false;
}

#define MADE "trusted.virt-privileges.made"

static char *real_path(const struct place *place)
{
	return xasprintf("%s/%s", place->dir_path, place->name);
}

void vm_note_where_made(const struct vm_step *step, int fd)
{
	cleanup_free char *path = real_path(&step->place);

	if (fsetxattr(fd, MADE, path, strlen(path), 0) < 0)
		info("%s: cannot note that it was made there: %s; the next start may refuse it",
			step->path, strerror(errno));
}

bool vm_was_made_there(const struct place *place)
{
	cleanup_free char *path = real_path(place);
	const int fd = place->walk.fd;
	char value[PATH_MAX + 1];
	struct stat st;

	/* What a link of somebody else's leads to was not made for who follows it. */
	if (place->walk.link_owner != 0)
		return false;
	/* As it is now, whatever the walk has seen. */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0 || st.st_nlink != 1 ||
		libvirt_xattr_counts(fd, &st) != 1)
		return false;
	/* Through /proc, since a descriptor that is O_PATH has no attributes. */
	ssize_t n = getxattr(IO_FD_PATH(fd), MADE, value, sizeof value);
	return n >= 0 && (size_t)n == strlen(path) && memcmp(value, path, (size_t)n) == 0;
}

bool vm_can_make(struct vm *vm, const struct qemuargs_resource *resource, const struct place *place)
{
	char *why, *help = NULL;
	struct object object;

	if (syscall(SYS_faccessat2, place->dir, "", W_OK, AT_EACCESS | AT_EMPTY_PATH) == 0)
		return true;
	if (errno == EROFS) {
		vm_refuse(vm, resource,
			xasprintf("the file system of %s is mounted read-only; name another "
				  "directory",
				place->dir_path));
		return false;
	}
	if (errno != EPERM || !object_of(place->dir, &object) ||
		!(why = attributes_why_fixed(&object.stx, place->dir_path, &help)))
		return true;
	vm_refuse_helped(vm, resource, why, help);
	return false;
}

void vm_remove_made(const struct vm_step *step)
{
	const struct place *place = &step->place;
	struct stat st;
	bool is_there = fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_there && (st.st_dev != step->dev || st.st_ino != step->ino))
		return;
	if ((!is_there || unlinkat(place->dir, place->name, 0) < 0) && errno != ENOENT)
		warn_errno("cannot remove %s", step->path);
}
