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

void qemuargs_if_denied(struct qemuargs_parser *p, char *file)
{
	p->args->notices[p->args->n_notices - 1].file = file;
}

void qemuargs_if_denied_beside(struct qemuargs_parser *p, const char *path)
{
	const char *slash = strrchr(path, '/');

	p->args->notices[p->args->n_notices - 1].creates = true;
	qemuargs_if_denied(p,
		!slash ? xstrdup(".") : xstrndup(path, slash == path ? 1 : (size_t)(slash - path)));
}

void qemuargs_refuse_port(
	struct qemuargs_parser *p, size_t option, const char *key, const char *text, unsigned port)
{
	qemuargs_refuse(p, option, key, text,
		"port %u needs CAP_NET_BIND_SERVICE, which QEMU will not have: use a port above "
		"1023, and forward %u to it with a firewall rule or a proxy",
		port, port);
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

const char *qemuargs_split_address(const char *address, char **host)
{
	const char *colon = strrchr(address, ':');
	bool has_brackets = address[0] == '[' && colon && colon > address + 1 && colon[-1] == ']';

	*host = !colon	       ? NULL
		: has_brackets ? xstrndup(address + 1, (size_t)(colon - address) - 2)
			       : xstrndup(address, (size_t)(colon - address));
	return colon ? colon + 1 : address;
}

/* Keys with which QEMU tries several ports, or one family of addresses. */
static bool is_one_of_several(const struct qemuargs_parser *p, size_t option)
{
	static const char *const keys[] = {
		"to", "ipv4", "ipv6", "mptcp", "addr.to", "addr.ipv4", "addr.ipv6", "addr.mptcp"};

	for (size_t i = 0; qemuargs_value(p, option) && i < N_ELEMENTS(keys); i++)
		if (qemuargs_key(p, option, keys[i]))
			return true;
	return false;
}

static void note_port(
	struct qemuargs_parser *p, size_t option, const char *host, const char *text, bool is_ipv4)
{
	struct qemuargs *args = p->args;
	char *end;
	unsigned long port = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

	if (port == 0 || port > 65535 || *end)
		return;
	ARRAY_GROW(args->ports, args->n_ports);
	args->ports[args->n_ports++] = (struct qemuargs_port){
		.host = host ? xstrdup(host) : NULL,
		.port = (unsigned)port,
		.is_ipv4 = is_ipv4,
		.option = option,
		.before = args->n_resources,
	};
}

void qemuargs_listen(struct qemuargs_parser *p, size_t option, const char *key, const char *host,
	const char *port)
{
	qemuargs_check_port(p, option, key, port);
	if (!is_one_of_several(p, option))
		note_port(p, option, host, port, false);
}

void qemuargs_listen_ipv4(
	struct qemuargs_parser *p, size_t option, const char *key, const char *address)
{
	cleanup_free char *host = NULL;
	const char *port = qemuargs_split_address(address, &host);

	qemuargs_check_port(p, option, key, port);
	note_port(p, option, host, port, true);
}

bool qemuargs_is_written(const struct qemuargs_resource *image)
{
	return image->access != ACCESS_RO && !image->cdrom && !image->snapshot;
}
