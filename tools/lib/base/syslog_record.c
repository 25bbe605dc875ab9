/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/syslog_record.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"

/* False where nobody listens there, or nobody has read within that time. */
static bool send_datagram(const char *path, const char *text, unsigned wait_s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval wait = {.tv_sec = wait_s};
	int type = SOCK_DGRAM | SOCK_CLOEXEC | (wait_s ? 0 : SOCK_NONBLOCK);
	cleanup_fd int fd = socket(AF_UNIX, type, 0);

	strcpy(address.sun_path, path);
	if (fd < 0 || (wait_s && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) < 0))
		return false;
	return IO_RETRY(sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
		       sizeof address)) >= 0;
}

static char *add_field(char *text, const char *name, const char *value)
{
	cleanup_free char *before = text;
	cleanup_free char *safe = log_escape(value);

	return xasprintf("%s%s=%s\n", before, name, safe);
}

static bool is_invocation(const char *id)
{
	return id && strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

/*
 * The unit that this process is in. The journal looks that up itself, in /proc when it reads the
 * record, and finds nothing if the sender has ended by then. What uid 0 says in these fields
 * counts as well for journalctl -u (journalctl(1)) and --invocation.
 */
static char *add_unit(char *text)
{
	const char *invocation = getenv("INVOCATION_ID");
	char cgroup[4096];

	/* systemd sets it for each unit. */
	if (!is_invocation(invocation) ||
		io_read_short(AT_FDCWD, "/proc/self/cgroup", cgroup, sizeof cgroup) < 0)
		return text;
	cleanup_free char *path = proc_cgroup_systemd(cgroup);
	cleanup_free char *unit = proc_cgroup_unit(path);
	if (!unit)
		return text;
	text = add_field(text, "OBJECT_SYSTEMD_UNIT", unit);
	return add_field(text, "OBJECT_SYSTEMD_INVOCATION_ID", invocation);
}

bool syslog_record_send(int priority, const char *identifier, const char *message_id,
	const char *message, const struct syslog_record_field *fields, unsigned wait_s)
{
	/* A newline would end the field and start one of the sender's choice. */
	cleanup_free char *safe = log_escape(message);
	char *text = xasprintf("MESSAGE=%s\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n"
			       "SYSLOG_IDENTIFIER=%s\n",
		safe, message_id, priority, LOG_FAC(LOG_AUTHPRIV), identifier);

	for (const struct syslog_record_field *f = fields; f->name; f++)
		text = add_field(text, f->name, f->value);
	text = add_unit(text);
	bool is_sent = send_datagram(JOURNAL_SOCKET, text, wait_s);
	if (!is_sent) {
		bool has_waited = errno == EAGAIN;
		cleanup_free char *line = xasprintf(
			"<%d>%s[%d]: %s", LOG_AUTHPRIV | priority, identifier, getpid(), safe);
		/* Who reads neither the one nor the other is waited for once: journald has both. */
		is_sent = send_datagram(SYSLOG_SOCKET, line, has_waited ? 0 : wait_s);
	}
	free(text);
	return is_sent;
}
