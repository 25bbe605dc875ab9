/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/restrict.h"

#include "base/error.h"
#include "isolate/filter.h"
#include "isolate/landlock.h"

#include <sys/stat.h>
#include <unistd.h>

static bool check_descriptor(int fd, char **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(error, "cannot examine descriptor %d", fd);
	return !S_ISDIR(st.st_mode) || error_set(error,
					       "descriptor %d is a directory, which leads out of "
					       "the VM's root directory; close "
					       "it before: %d<&-",
					       fd, fd);
}

static bool check_descriptors(const int *fds, size_t n, char **error)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (!check_descriptor(fd, error))
			return false;
	for (size_t i = 0; i < n; i++)
		if (!check_descriptor(fds[i], error))
			return false;
	return true;
}

bool isolate_restrict(const struct isolation *isolation, const int *fds, size_t n_fds, char **error)
{
	return (!(isolation->layers & ISOLATE_ROOT) || check_descriptors(fds, n_fds, error)) &&
	       (!(isolation->layers & ISOLATE_LANDLOCK) ||
		       landlock_restrict(isolation, fds, n_fds, error)) &&
	       (!(isolation->layers & ISOLATE_FILTER) || filter_install(isolation, error));
}
