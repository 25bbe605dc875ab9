/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The victims of race-claims: files that are not alice's, or that nobody gets to, and whether one
 * has another owner, group, mode, ACL or another number of attributes than when it was added.
 */
#pragma once

#include "base/log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>

#define MAX_VICTIMS 64

struct picture {
	struct stat st;
	ssize_t acl_size, names_size;
	char acl[512];
};

static struct victim {
	char *path; /* where it was made */
	int fd;
	struct picture before;
} victims[MAX_VICTIMS];
static size_t n_victims;

static void take_picture(int fd, struct picture *picture)
{
	if (fstat(fd, &picture->st) < 0)
		die_errno("cannot examine a victim");
	picture->acl_size =
		fgetxattr(fd, "system.posix_acl_access", picture->acl, sizeof picture->acl);
	picture->names_size = flistxattr(fd, NULL, 0);
}

static bool has_changed(const struct victim *v)
{
	const struct picture *a = &v->before;
	struct picture b;

	take_picture(v->fd, &b);
	return a->st.st_uid != b.st.st_uid || a->st.st_gid != b.st.st_gid ||
	       a->st.st_mode != b.st.st_mode || a->names_size != b.names_size ||
	       a->acl_size != b.acl_size ||
	       (a->acl_size > 0 && memcmp(a->acl, b.acl, (size_t)a->acl_size) != 0);
}

static void add_victim(const char *path)
{
	struct victim *v = &victims[n_victims++];

	if (n_victims > MAX_VICTIMS)
		die("more than %d victims", MAX_VICTIMS);
	*v = (struct victim){.path = xstrdup(path),
		.fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
	if (v->fd < 0)
		die_errno("cannot open %s", path);
	take_picture(v->fd, &v->before);
}
