/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/syslog_record.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"

/* False where nobody listens there. */
static bool send_datagram(const char *path, const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strcpy(address.sun_path, path);
	return fd >= 0 && sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
				  sizeof address) >= 0;
}

void syslog_record_send(int priority, const char *identifier, const char *message_id,
	const char *message, const struct syslog_record_field *fields)
{
	/* A newline would end the field and start one of the sender's choice. */
	cleanup_free char *safe = log_escape(message);
	char *text = xasprintf("MESSAGE=%s\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n"
			       "SYSLOG_IDENTIFIER=%s\n",
		safe, message_id, priority, LOG_FAC(LOG_AUTHPRIV), identifier);

	for (const struct syslog_record_field *f = fields; f->name; f++) {
		cleanup_free char *before = text;
		cleanup_free char *value = log_escape(f->value);
		text = xasprintf("%s%s=%s\n", before, f->name, value);
	}
	if (!send_datagram(JOURNAL_SOCKET, text)) {
		cleanup_free char *line = xasprintf(
			"<%d>%s[%d]: %s", LOG_AUTHPRIV | priority, identifier, getpid(), safe);
		send_datagram(SYSLOG_SOCKET, line);
	}
	free(text);
}
