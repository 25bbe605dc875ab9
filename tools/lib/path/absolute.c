/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/absolute.h"

#include "base/error.h"
#include "base/log.h"

#include <limits.h>
#include <unistd.h>

char *absolute_path(const char *path, char **error)
{
	char here[PATH_MAX];

	if (path[0] == '/')
		return xstrdup(path);
	if (!getcwd(here, sizeof here)) {
		error_set_errno(error,
			"%s is relative, and the current directory cannot be determined", path);
		return NULL;
	}
	return xasprintf("%s/%s", here[1] ? here : "", path);
}
