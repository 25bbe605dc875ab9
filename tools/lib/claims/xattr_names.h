/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The names of an object's attributes (listxattr(2)): mostly there are none, which one call tells
 * for all who ask. Those of the class trusted are among them for CAP_SYS_ADMIN. Private to claims/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct xattr_names {
	char *all; /* each ends with a NUL; new */
	size_t size;
	int number; /* of errno; 0: they could be listed */
};

/* Of what the descriptor, O_PATH too, is of. xattr_names_free() releases what it holds. */
struct xattr_names xattr_names_of(int fd);
void xattr_names_free(struct xattr_names *names);
#define cleanup_xattr_names __attribute__((cleanup(xattr_names_free)))

bool xattr_names_have(const struct xattr_names *names, const char *name);
