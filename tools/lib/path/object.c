/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/object.h"

#include "path/fstype.h"
#include "path/look.h"
#include "path/look_now.h"
#include "path/mounts.h"

#include <fcntl.h>

bool object_of(int fd, struct object *object)
{
	if (!look_now_statx(fd, "", AT_EMPTY_PATH, &object->stx))
		return false;
	object->mount = mounts_by_statx(fd, &object->stx);
	return true;
}

bool object_look(int fd, struct object *object)
{
	if (!look_statx_fd(fd, &object->stx))
		return false;
	object->mount = mounts_by_statx(fd, &object->stx);
	return true;
}

bool object_is_ownerless(const struct object *object)
{
	return object->mount && fstype_is_ownerless(object->mount->type);
}
