/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: -chardev (chardev/char.c and the parse function of each backend), and
 * the strings of -serial, -monitor and the like (qemu_chr_parse_compat()).
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <string.h>

struct qemuargs_value *qemuargs_chardev_value(const char *text)
{
	size_t prefix = qemuargs_behind(text, "mon:") ? strlen("mon:") : 0;
	const char *rest = text + prefix;

	if (qemuargs_behind(rest, "unix:"))
		return qemuopts_keyvalue(text, prefix + strlen("unix:"), "path", QEMUOPTS_OPTS);
	if (qemuargs_behind(rest, "file:") || qemuargs_behind(rest, "pipe:"))
		return qemuopts_opaque(text, prefix + strlen("file:"), strlen(text), "path");
	if (qemuargs_behind(rest, "/dev/"))
		return qemuopts_opaque(text, prefix, strlen(text), "path");
	return qemuopts_literal(text);
}

static void add_log(
	struct qemuargs_parser *p, size_t option, const char *key, const char *reason, bool append)
{
	size_t added = qemuargs_add_key(p, RESOURCE_LOG, ACCESS_CREATE, option, key, reason);

	if (added == QEMUARGS_NONE)
		return;
	struct qemuargs_resource *r = qemuargs_resource(p, added);
	r->append = append;
	r->takes_set = true;
	if (!qemuargs_value(p, option)->opaque)
		r->append_key = strcmp(key, "logfile") == 0 ? "logappend" : "append";
}

/* Which of PATH.in, PATH.out and PATH there are is for QEMU to see (chardev/char-pipe.c). */
static void add_pipe(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_key(p, RESOURCE_PIPE, ACCESS_RW, option, "path", "named pipes");
}

/*
 * Whether a network device sends descriptors through it: net_vhost_claim_chardev() of
 * net/vhost-user.c takes no socket that QEMU got as a descriptor itself.
 */
static bool is_of_vhost_user(const struct qemuargs_parser *p, const char *id)
{
	for (size_t i = 0; id && i < p->args->n_options; i++) {
		const char *name = p->args->options[i].name;
		bool is_network = strcmp(name, "netdev") == 0 || strcmp(name, "nic") == 0 ||
				  strcmp(name, "net") == 0;
		if (is_network && qemuargs_value(p, i) &&
			qemuargs_is(qemuargs_key(p, i, "type"), "vhost-user") &&
			qemuargs_is(qemuargs_key(p, i, "chardev"), id))
			return true;
	}
	return false;
}

static void add_socket(struct qemuargs_parser *p, size_t option, bool listens)
{
	const char *seconds = qemuargs_key(p, option, "reconnect");
	const char *milliseconds = qemuargs_key(p, option, "reconnect-ms");
	size_t added = qemuargs_add_key(p, listens ? RESOURCE_LISTEN : RESOURCE_CONNECT, ACCESS_RW,
		option, "path", listens ? "listening socket" : "socket");
	struct qemuargs_resource *r = qemuargs_resource(p, added);

	if (!r || r->kind == RESOURCE_FD)
		return;
	r->takes_fd = !is_of_vhost_user(p, qemuargs_key(p, option, "id"));
	r->reconnects = (!listens && !r->takes_fd) || (seconds && strcmp(seconds, "0") != 0) ||
			(milliseconds && strcmp(milliseconds, "0") != 0);
}

/* tcp:[HOST]:PORT,OPTIONS on which QEMU listens */
static void check_listener(struct qemuargs_parser *p, size_t option, const char *address)
{
	static const char *const several[] = {",to=", ",ipv4", ",ipv6", ",mptcp"};
	cleanup_free char *alone = xstrndup(address, strcspn(address, ","));
	cleanup_free char *host = NULL;
	const char *port = qemuargs_split_address(alone, &host);

	for (size_t i = 0; i < N_ELEMENTS(several); i++)
		if (strstr(address, several[i])) {
			qemuargs_check_port(p, option, NULL, port);
			return;
		}
	qemuargs_listen(p, option, NULL, host, port);
}

/* HOST:PORT,... or PORT alone. */
static void check_address(struct qemuargs_parser *p, size_t option, const char *address)
{
	size_t length = strcspn(address, ",");
	cleanup_free char *host = xstrndup(address, length);
	const char *colon = strrchr(host, ':');

	qemuargs_check_port(p, option, NULL, colon ? colon + 1 : host);
}

/* tcp:[HOST]:PORT[,server], udp:[HOST]:PORT@[HOST]:PORT */
static void check_network_string(struct qemuargs_parser *p, size_t option, const char *text)
{
	static const char *const protocols[] = {"tcp:", "telnet:", "tn3270:", "websocket:"};
	const char *udp = qemuargs_behind(text, "udp:");
	const char *at = udp ? strchr(udp, '@') : NULL;
	bool is_gdb = strcmp(p->args->options[option].name, "gdb") == 0;

	if (at)
		check_address(p, option, at + 1);
	for (size_t i = 0; i < N_ELEMENTS(protocols); i++) {
		const char *address = qemuargs_behind(text, protocols[i]);
		/* "server", "server=on"; a -gdb listens always. */
		const char *server = address ? strstr(address, ",server") : NULL;
		if (address && (is_gdb || (server && !qemuargs_behind(server, ",server=off"))))
			check_listener(p, option, address);
	}
}

/* A descriptor, a name in the file system, or a port. */
static void find_socket(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	bool listens = qemuopts_bool(v, "server", false);

	qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
	if (qemuopts_bool(v, "abstract", false))
		return;
	if (qemuargs_key(p, option, "path"))
		add_socket(p, option, listens);
	else if (listens)
		qemuargs_listen(p, option, "port", qemuargs_key(p, option, "host"),
			qemuargs_key(p, option, "port"));
}

/* What a backend of any kind writes beside. */
static void add_copy(struct qemuargs_parser *p, size_t option)
{
	add_log(p, option, "logfile", "written by QEMU",
		qemuopts_bool(qemuargs_value(p, option), "logappend", false));
}

void qemuargs_find_chardev_string(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *text = v->text;

	if (qemuargs_behind(text, "mon:"))
		text += strlen("mon:");
	if (qemuargs_behind(text, "unix:")) {
		find_socket(p, option);
		add_copy(p, option);
	} else if (qemuargs_behind(text, "file:")) {
		add_log(p, option, "path", "written by QEMU", false);
	} else if (qemuargs_behind(text, "pipe:")) {
		add_pipe(p, option);
	} else if (qemuargs_behind(text, "/dev/")) {
		qemuargs_add_key(p, RESOURCE_DEVICE, ACCESS_RW, option, "path", "host device");
	} else {
		check_network_string(p, option, text);
	}
}

void qemuargs_find_chardev(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *backend = qemuargs_key(p, option, "backend");

	if (qemuargs_is(backend, "socket"))
		find_socket(p, option);
	else if (qemuargs_is(backend, "file"))
		add_log(p, option, "path", "written by QEMU", qemuopts_bool(v, "append", false));
	else if (qemuargs_is(backend, "pipe"))
		add_pipe(p, option);
	else if (qemuargs_is(backend, "serial") || qemuargs_is(backend, "tty") ||
		 qemuargs_is(backend, "parallel") || qemuargs_is(backend, "parport"))
		qemuargs_add_key(p, RESOURCE_DEVICE, ACCESS_RW, option, "path", "host device");
	else if (qemuargs_is(backend, "udp"))
		qemuargs_check_port(p, option, "localport", qemuargs_key(p, option, "localport"));
	else if (qemuargs_is(backend, "pty"))
		qemuargs_add_key(p, RESOURCE_LINK, ACCESS_CREATE, option, "path",
			"link to the pseudo-terminal");
	if (qemuargs_is(backend, "file"))
		qemuargs_add_key(
			p, RESOURCE_FILE, ACCESS_RO, option, "input-path", "input of the guest");
	add_copy(p, option);
}

/*
 * socket_parse() of util/qemu-sockets.c: nothing follows a path, so that its commas are its
 * own; file_parse_offset() of migration/file.c.
 */
struct qemuargs_value *qemuargs_incoming_value(const char *text)
{
	const char *offset = strstr(text, ",offset=");

	if (qemuargs_behind(text, "unix:"))
		return qemuopts_opaque(text, strlen("unix:"), strlen(text), "path");
	if (qemuargs_behind(text, "file:"))
		return qemuopts_opaque(text, strlen("file:"),
			offset ? (size_t)(offset - text) : strlen(text), "path");
	if (qemuargs_behind(text, "fd:"))
		return qemuopts_opaque(text, strlen("fd:"), strlen(text), "fd");
	return qemuopts_literal(text);
}

static void note_exec(struct qemuargs_parser *p, size_t option)
{
	p->args->starts_programs = true;
	qemuargs_warn(p, option, NULL, NULL, "the command runs as the QEMU user, not as root");
}

/* gdb's stub is that of -gdb tcp::1234. */
void qemuargs_find_gdb(struct qemuargs_parser *p, size_t option)
{
	qemuargs_listen(p, option, NULL, NULL, "1234");
}

/* A channel of qapi/migration.json; where the string is meant, all its keys are absent. */
static void find_incoming_channel(struct qemuargs_parser *p, size_t option)
{
	const char *transport = qemuargs_key(p, option, "addr.transport");
	const char *type = qemuargs_key(p, option, "addr.type");

	if (qemuargs_is(transport, "file"))
		qemuargs_add_key(
			p, RESOURCE_FILE, ACCESS_RO, option, "addr.filename", "saved VM state");
	else if (qemuargs_is(transport, "exec"))
		note_exec(p, option);
	else if (qemuargs_is(type, "unix"))
		qemuargs_add_key(
			p, RESOURCE_LISTEN, ACCESS_RW, option, "addr.path", "incoming migration");
	else if (qemuargs_is(transport, "rdma"))
		p->args->locks_memory = true;
	else if (qemuargs_is(type, "inet"))
		qemuargs_listen(p, option, "addr.port", qemuargs_key(p, option, "addr.host"),
			qemuargs_key(p, option, "addr.port"));
	else if (qemuargs_is(type, "vsock"))
		qemuargs_check_port(p, option, "addr.port", qemuargs_key(p, option, "addr.port"));
	else if (qemuargs_is(type, "fd"))
		qemuargs_add_fd(p, option, "addr.str", qemuargs_key(p, option, "addr.str"));
}

/* migration/migration.c, qemu_start_incoming_migration() */
void qemuargs_find_incoming(struct qemuargs_parser *p, size_t option)
{
	const char *text = qemuargs_value(p, option)->text;
	const char *tcp = qemuargs_behind(text, "tcp:");
	const char *vsock = qemuargs_behind(text, "vsock:");

	if (qemuargs_behind(text, "unix:"))
		qemuargs_add_key(
			p, RESOURCE_LISTEN, ACCESS_RW, option, "path", "incoming migration");
	else if (qemuargs_behind(text, "file:"))
		qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "path", "saved VM state");
	else if (qemuargs_behind(text, "exec:"))
		note_exec(p, option);
	else if (qemuargs_behind(text, "fd:"))
		qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
	else if (tcp)
		check_listener(p, option, tcp);
	else if (vsock)
		check_address(p, option, vsock);
	else if (qemuargs_behind(text, "rdma:"))
		p->args->locks_memory = true;
	else
		find_incoming_channel(p, option);
}
