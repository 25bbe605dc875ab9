/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/xattr_names.h"

#include "base/log.h"
#include "base/xattr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static ssize_t list(int fd, struct xattr_names *names, const char *few, ssize_t n)
{
	if (n >= 0) {
		names->all = xmalloc((size_t)n + 1);
		memcpy(names->all, few, (size_t)n);
		return n;
	}
	if (errno != ERANGE)
		return -1;
	n = xattr_list(fd, NULL, 0);
	if (n < 0)
		return -1;
	/* They can grow meanwhile. */
	names->all = xmalloc((size_t)n + 4096);
	return xattr_list(fd, names->all, (size_t)n + 4096);
}

struct xattr_names xattr_names_of(int fd)
{
	struct xattr_names names = {0};
	char few[1024] = "";

	ssize_t n = list(fd, &names, few, xattr_list(fd, few, sizeof few));
	names.number = n < 0 ? errno : 0;
	names.size = n < 0 ? 0 : (size_t)n;
	return names;
}

void xattr_names_free(struct xattr_names *names)
{
	free(names->all);
	*names = (struct xattr_names){0};
}

bool xattr_names_have(const struct xattr_names *names, const char *name)
{
	for (const char *p = names->all; p < names->all + names->size; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}
