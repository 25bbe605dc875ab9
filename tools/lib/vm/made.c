/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/made.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Removes what QEMU would, but nothing that is somebody else's or not what we make. */
bool vm_clear_place(const struct vm *vm, const struct vm_step *step, char **error)
{
	struct stat st;

	if (fstatat(step->place.dir, step->place.name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return true;
	} else if (st.st_uid != 0 && (st.st_uid != vm->identity.uid || !S_ISSOCK(st.st_mode))) {
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
