/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/notify.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#define VARIABLE "NOTIFY_SOCKET"
#define SECONDS 5

char *notify_take(void)
{
	const char *value = getenv(VARIABLE);
	char *path = value && *value ? xstrdup(value) : NULL;

	unsetenv(VARIABLE);
	return path;
}

/* A path, or a name in the abstract namespace (unix(7)), which "@" stands before. */
static bool set_address(struct sockaddr_un *address, socklen_t *length, const char *path)
{
	size_t n = strlen(path);

	if ((*path != '/' && *path != '@') || n < 2 || n >= sizeof address->sun_path)
		return false;
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(address->sun_path, path, n);
	if (*path == '@')
		address->sun_path[0] = '\0';
	*length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	return true;
}

bool notify_send(const char *path, const char *state, char **error)
{
	const struct timeval wait = {.tv_sec = SECONDS};
	struct sockaddr_un address;
	socklen_t length;

	if (!set_address(&address, &length, path))
		return error_set(error,
			"cannot notify the service manager: " VARIABLE "=%s is not a UNIX socket",
			path);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0 ||
		IO_RETRY(sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
			length)) < 0)
		return error_set_errno(error, "cannot notify the service manager through %s", path);
	return true;
}
