/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/domain_file.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/absolute.h"
#include "path/roots.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Why root must not go by what was opened, a new message; NULL: it may. */
static char *why_not_trusted(const char *file, const struct safepath *walk)
{
	if (walk->unsafe)
		return xasprintf("cannot trust the domain XML %s: %s", file, walk->unsafe);
	cleanup_free char *why =
		roots_why_not(walk->fd, &walk->st, file, "check its content", NULL);
	if (!why)
		return NULL;
	return xasprintf("cannot trust the domain XML %s: not owned by root, or writable by others "
			 "(mode %04o, uid %u): %s; or let root read it: --domain - <%s",
		file, walk->st.st_mode & 07777, walk->st.st_uid, why, file);
}

static int open_trusted(const char *file, char **error)
{
	cleanup_free char *absolute = absolute_path(file, error);
	cleanup_free char *unreached = NULL;
	struct safepath walk;
	int fd = -1;

	if (!absolute)
		return -1;
	if (!safepath_open(absolute, &walk, &unreached)) {
		*error = xasprintf("cannot open the domain XML %s: %s", file, unreached);
		return -1;
	}
	*error = why_not_trusted(file, &walk);
	if (!*error) {
		fd = safepath_reopen(walk.fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			*error = xasprintf(
				"cannot open the domain XML %s: %s", file, strerror(errno));
	}
	safepath_close(&walk);
	return fd;
}

static char *read_all(int fd, const char *name, size_t *length, char **error)
{
	char *text = io_read_fd(fd, DOMAIN_MAX_SIZE, length);

	if (!text && errno == EFBIG)
		*error = xasprintf(
			"%s is larger than %zu bytes, not a domain XML", name, DOMAIN_MAX_SIZE);
	else if (!text)
		*error = xasprintf("cannot read the domain XML %s: %s", name, strerror(errno));
	return text;
}

struct domain *domain_read(const char *file, char **error)
{
	bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "standard input" : file;
	cleanup_fd int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open_trusted(file, error);
	size_t length;

	if (fd < 0 && is_stdin)
		*error = xasprintf("cannot open the domain XML %s: %s", name, strerror(errno));
	if (fd < 0)
		return NULL;
	cleanup_free char *text = read_all(fd, name, &length, error);
	return text ? domain_parse(name, text, length, error) : NULL;
}
