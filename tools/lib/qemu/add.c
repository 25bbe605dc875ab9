/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What all who find resources use: see parse.h. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <stdarg.h>
#include <string.h>

const char *qemuargs_behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

void qemuargs_fail(struct qemuargs_parser *p, size_t option, const char *format, ...)
{
	va_list ap;

	if (*p->error)
		return;
	va_start(ap, format);
	cleanup_free char *what = xvasprintf(format, ap);
	va_end(ap);
	*p->error = xasprintf("%s: %s", p->args->options[option].source, what);
}

static size_t add(struct qemuargs_parser *p, enum resource_kind kind, enum resource_access access,
	size_t option, const char *key, const char *path, const char *reason)
{
	struct qemuargs *args = p->args;

	ARRAY_GROW(args->resources, args->n_resources);
	args->resources[args->n_resources] = (struct qemuargs_resource){
		.kind = kind,
		.access = access,
		.path = path ? xstrdup(path) : NULL,
		.source = xstrdup(args->options[option].source),
		.reason = xstrdup(reason),
		.option = option,
		.key = key && *key ? xstrdup(key) : NULL,
		.image_option = QEMUARGS_NONE,
	};
	return args->n_resources++;
}

/* The number in "/proc/self/fd/3", "/dev/fd/3" and "/dev/stdout", or NULL. */
static const char *descriptor_of(const char *path)
{
	static const char *const directories[] = {
		"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"};
	static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
	static const char *const numbers[] = {"0", "1", "2"};

	for (size_t i = 0; i < 3; i++) {
		const char *number = qemuargs_behind(path, directories[i]);
		if (number && *number && !number[strspn(number, "0123456789")])
			return number;
		if (strcmp(path, streams[i]) == 0)
			return numbers[i];
	}
	return NULL;
}

size_t qemuargs_add(struct qemuargs_parser *p, enum resource_kind kind, enum resource_access access,
	size_t option, const char *key, const char *path, const char *reason)
{
	const char *fd;

	if (!path || !*path || qemuargs_behind(path, "/dev/fdset/"))
		return QEMUARGS_NONE;
	fd = descriptor_of(path);
	if (!fd)
		return add(p, kind, access, option, key, path, reason);
	size_t added = add(p, RESOURCE_FD, access, option, key, fd, "opened by the caller");
	p->args->resources[added].by_name = true;
	return added;
}

size_t qemuargs_add_key(struct qemuargs_parser *p, enum resource_kind kind,
	enum resource_access access, size_t option, const char *key, const char *reason)
{
	return qemuargs_add(p, kind, access, option, key, qemuargs_key(p, option, key), reason);
}

/* A name that is no number is one of the monitor's getfd: nothing of the command line's. */
void qemuargs_add_fd(struct qemuargs_parser *p, size_t option, const char *key, const char *fd)
{
	if (fd && *fd && !fd[strspn(fd, "0123456789")])
		add(p, RESOURCE_FD, ACCESS_RW, option, key, fd, "opened by the caller");
}

void qemuargs_add_fds(struct qemuargs_parser *p, size_t option, const char *key)
{
	const char *fds = qemuargs_key(p, option, key);

	while (fds && *fds) {
		size_t length = strcspn(fds, ":");
		cleanup_free char *fd = xstrndup(fds, length);
		qemuargs_add_fd(p, option, key, fd);
		fds += length + (fds[length] == ':');
	}
}

static void add_notice(struct qemuargs_parser *p, bool is_refusal, size_t option, const char *key,
	const char *path, char *reason)
{
	struct qemuargs *args = p->args;

	ARRAY_GROW(args->notices, args->n_notices);
	args->notices[args->n_notices++] = (struct qemuargs_notice){
		.is_refusal = is_refusal,
		.path = path ? xstrdup(path) : NULL,
		.source = xstrdup(args->options[option].source),
		.reason = reason,
		.option = option,
		.key = key && *key ? xstrdup(key) : NULL,
		.before = args->n_resources,
	};
}

void qemuargs_refuse(struct qemuargs_parser *p, size_t option, const char *key, const char *path,
	const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_notice(p, true, option, key, path, xvasprintf(format, ap));
	va_end(ap);
}

void qemuargs_warn(struct qemuargs_parser *p, size_t option, const char *key, const char *path,
	const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	add_notice(p, false, option, key, path, xvasprintf(format, ap));
	va_end(ap);
}

void qemuargs_refuse_port(
	struct qemuargs_parser *p, size_t option, const char *key, const char *text, unsigned port)
{
	qemuargs_refuse(p, option, key, text,
		"port %u needs CAP_NET_BIND_SERVICE, which QEMU will not have: use a port above "
		"1023, and forward %u to it with a firewall rule or a proxy; or let all users bind "
		"it: sysctl net.ipv4.ip_unprivileged_port_start=%u",
		port, port, port);
	p->args->notices[p->args->n_notices - 1].port = port;
}

void qemuargs_check_port(
	struct qemuargs_parser *p, size_t option, const char *key, const char *port)
{
	char *end;
	unsigned long number = port ? strtoul(port, &end, 10) : 0;

	/* Port 0 is any that is free. */
	if (!port || end == port || *end || number == 0 || number >= 1024)
		return;
	qemuargs_refuse_port(p, option, key, port, (unsigned)number);
}

bool qemuargs_is_written(const struct qemuargs_resource *image)
{
	return image->access != ACCESS_RO && !image->cdrom && !image->snapshot;
}
