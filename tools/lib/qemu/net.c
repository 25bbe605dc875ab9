/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network devices: -netdev, -nic and -net (net/net.c, qapi/net.json). */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <string.h>

/* What QEMU takes where the command line says nothing (net/tap.c). */
#define DEFAULT_SCRIPT "/etc/qemu-ifup"
#define DEFAULT_DOWNSCRIPT "/etc/qemu-ifdown"

static char *copy(const char *value)
{
	return value && *value ? xstrdup(value) : NULL;
}

static char *script(const char *value, const char *otherwise)
{
	if (!value)
		value = otherwise;
	return *value && strcmp(value, "no") != 0 ? xstrdup(value) : NULL;
}

static struct qemuargs_net *new_net(struct qemuargs_parser *p, size_t resource)
{
	struct qemuargs_private *own = p->args->private_;

	ARRAY_GROW(own->nets, own->n_nets);
	own->nets[own->n_nets] = (struct qemuargs_net_of){resource, {.queues = 1}};
	return &own->nets[own->n_nets++].net;
}

/* A resource that may have no name yet. */
static size_t add_device(
	struct qemuargs_parser *p, enum resource_kind kind, size_t option, const char *name)
{
	return qemuargs_add(p, kind, ACCESS_RW, option, NULL, name, "network");
}

static void take_queues(struct qemuargs_parser *p, size_t option, struct qemuargs_net *net)
{
	const char *text = qemuargs_key(p, option, "queues");
	char *end;
	unsigned long queues = text ? strtoul(text, &end, 10) : 1;

	/* MAX_TAP_QUEUES of net/tap.c */
	if (text && (*end || end == text || queues < 1 || queues > 1024))
		qemuargs_fail(p, option, "queues=%s: expected a number from 1 to 1024", text);
	else
		net->queues = (unsigned)queues;
}

/* vhostforce=on means vhost=on, too. */
static void find_vhost(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);

	if (qemuopts_bool(v, "vhost", qemuopts_bool(v, "vhostforce", false)) &&
		!qemuargs_key(p, option, "vhostfd") && !qemuargs_key(p, option, "vhostfds"))
		qemuargs_add(p, RESOURCE_VHOST_NET, ACCESS_RW, option, NULL, "/dev/vhost-net",
			"vhost=on");
}

static void find_tap(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *ifname = qemuargs_key(p, option, "ifname");

	qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
	qemuargs_add_fds(p, option, "fds");
	qemuargs_add_fd(p, option, "vhostfd", qemuargs_key(p, option, "vhostfd"));
	qemuargs_add_fds(p, option, "vhostfds");
	if (qemuargs_key(p, option, "fd") || qemuargs_key(p, option, "fds")) {
		/* vhost=on without vhostfd opens the device by its name; with fds= it can't. */
		if (qemuopts_bool(v, "vhost", false) && !qemuargs_key(p, option, "vhostfd") &&
			!qemuargs_key(p, option, "fds"))
			qemuargs_add(p, RESOURCE_VHOST, ACCESS_RW, option, NULL, "/dev/vhost-net",
				"vhost=on");
		return;
	}
	size_t added = add_device(p, RESOURCE_TAP, option, ifname && *ifname ? ifname : "tap%d");
	struct qemuargs_net *net = new_net(p, added);
	net->ifname = copy(ifname);
	net->helper = copy(qemuargs_key(p, option, "helper"));
	net->bridge = copy(qemuargs_key(p, option, "br"));
	/* With a helper there are no scripts. */
	if (!net->helper) {
		net->script = script(qemuargs_key(p, option, "script"), DEFAULT_SCRIPT);
		net->downscript = script(qemuargs_key(p, option, "downscript"), DEFAULT_DOWNSCRIPT);
	}
	net->vnet_hdr = qemuopts_bool(v, "vnet_hdr", true);
	take_queues(p, option, net);
	find_vhost(p, option);
}

static void find_bridge(struct qemuargs_parser *p, size_t option)
{
	const char *bridge = qemuargs_key(p, option, "br");
	size_t added = add_device(p, RESOURCE_BRIDGE, option, bridge && *bridge ? bridge : "br0");
	struct qemuargs_net *net = new_net(p, added);

	net->bridge = copy(bridge);
	net->helper = copy(qemuargs_key(p, option, "helper"));
	net->vnet_hdr = true;
}

/* [tcp|udp]:[HOST]:PORT-[GUEST]:PORT, unix:PATH-... (slirp_hostfwd() of net/slirp.c) */
static void check_forward(struct qemuargs_parser *p, size_t option, const char *rule)
{
	cleanup_free char *host = xstrndup(rule, strcspn(rule, "-"));
	const char *colon = strrchr(host, ':');

	const char *socket = qemuargs_behind(rule, "unix:");

	if (socket) {
		const char *end = strrchr(socket, '-');
		cleanup_free char *path =
			xstrndup(socket, end ? (size_t)(end - socket) : strlen(socket));
		qemuargs_warn(p, option, NULL, rule,
			"bound by QEMU as the QEMU user, which needs write access to its "
			"directory");
		qemuargs_if_denied_beside(p, path);
	} else if (colon && (rule[0] == ':' || qemuargs_behind(rule, "tcp:")))
		qemuargs_listen_ipv4(p, option, NULL, strchr(host, ':') + 1);
	else if (colon)
		qemuargs_check_port(p, option, NULL, colon + 1);
}

static void find_user(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);

	for (size_t i = 0; i < v->n_items; i++) {
		const struct qemuopts_item *item = &v->items[i];
		bool is_rule =
			strcmp(item->key, "hostfwd") == 0 ||
			(qemuargs_behind(item->key, "hostfwd.") && strstr(item->key, ".str"));
		if (is_rule && item->value)
			check_forward(p, option, item->value);
		p->args->starts_programs |= strcmp(item->key, "guestfwd") == 0 ||
					    qemuargs_behind(item->key, "guestfwd.");
	}
	qemuargs_add_key(p, RESOURCE_DIRECTORY, ACCESS_RO, option, "tftp", "served by TFTP");
	if (!qemuargs_key(p, option, "smb"))
		return;
	p->args->starts_programs = true;
	qemuargs_warn(p, option, "smb", qemuargs_key(p, option, "smb"),
		"smbd runs as the QEMU user, not as root, and exports what that user has access "
		"to");
}

/* The port of HOST:PORT. */
static void check_listen(struct qemuargs_parser *p, size_t option, const char *key)
{
	const char *address = qemuargs_key(p, option, key);
	const char *colon = address ? strrchr(address, ':') : NULL;

	if (colon)
		qemuargs_check_port(p, option, key, colon + 1);
}

static void add_address(
	struct qemuargs_parser *p, size_t option, const char *name, bool listens, bool takes_fd)
{
	cleanup_free char *type = xasprintf("%s.type", name);
	cleanup_free char *path = xasprintf("%s.path", name);
	cleanup_free char *str = xasprintf("%s.str", name);
	cleanup_free char *host = xasprintf("%s.host", name);
	cleanup_free char *port = xasprintf("%s.port", name);
	cleanup_free char *abstract = xasprintf("%s.abstract", name);
	const char *kind = qemuargs_key(p, option, type);
	const char *reconnect = qemuargs_key(p, option, "reconnect");
	const char *reconnect_ms = qemuargs_key(p, option, "reconnect-ms");
	size_t added = QEMUARGS_NONE;

	if (qemuargs_is(kind, "fd"))
		qemuargs_add_fd(p, option, str, qemuargs_key(p, option, str));
	else if (qemuargs_is(kind, "inet") && listens && takes_fd)
		qemuargs_listen(p, option, port, qemuargs_key(p, option, host),
			qemuargs_key(p, option, port));
	else if (qemuargs_is(kind, "inet") && listens)
		qemuargs_check_port(p, option, port, qemuargs_key(p, option, port));
	else if (qemuargs_is(kind, "unix") &&
		 !qemuopts_bool(qemuargs_value(p, option), abstract, false))
		added = qemuargs_add_key(p, listens ? RESOURCE_LISTEN : RESOURCE_CONNECT, ACCESS_RW,
			option, path, "network");
	struct qemuargs_resource *r = qemuargs_resource(p, added);
	if (!r || r->kind == RESOURCE_FD)
		return;
	r->takes_fd = takes_fd;
	r->reconnects = (reconnect && strcmp(reconnect, "0") != 0) ||
			(reconnect_ms && strcmp(reconnect_ms, "0") != 0) || (!listens && !takes_fd);
}

static void find_other(struct qemuargs_parser *p, size_t option, const char *type)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);

	if (strcmp(type, "vhost-vdpa") == 0) {
		qemuargs_add_fd(p, option, "vhostfd", qemuargs_key(p, option, "vhostfd"));
		if (!qemuargs_key(p, option, "vhostfd"))
			qemuargs_add_key(
				p, RESOURCE_VHOST, ACCESS_RW, option, "vhostdev", "network");
		p->args->locks_memory = true;
	} else if (strcmp(type, "socket") == 0) {
		qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
		if (qemuargs_key(p, option, "listen"))
			qemuargs_listen_ipv4(
				p, option, "listen", qemuargs_key(p, option, "listen"));
		check_listen(p, option, "localaddr");
		check_listen(p, option, "mcast");
	} else if (strcmp(type, "vde") == 0) {
		const char *sock = qemuargs_key(p, option, "sock");
		qemuargs_warn(p, option, "sock", sock,
			"the QEMU user needs access to the VDE switch: start vde_switch with a "
			"group (-g) of that user");
		/* vde_open_real() of libvdeplug; a URL is another kind of switch. */
		if (sock && !strstr(sock, "://"))
			qemuargs_if_denied(p, xasprintf("%s/ctl", sock));
	} else if (strcmp(type, "netmap") == 0) {
		const char *node = qemuargs_key(p, option, "devname");
		qemuargs_add(p, RESOURCE_DEVICE, ACCESS_RW, option, node ? "devname" : NULL,
			node ? node : "/dev/netmap", "network");
	} else if (strcmp(type, "stream") == 0) {
		add_address(p, option, "addr", qemuopts_bool(v, "server", false), true);
	} else if (strcmp(type, "dgram") == 0) {
		add_address(p, option, "local", true, false);
		add_address(p, option, "remote", false, false);
	} else if (strcmp(type, "passt") == 0) {
		qemuargs_find_passt(p, option);
	} else if (strcmp(type, "l2tpv3") == 0) {
		if (!qemuopts_bool(v, "udp", false))
			qemuargs_refuse(p, option, NULL, NULL,
				"l2tpv3 over IP needs CAP_NET_RAW, which QEMU will not have: use "
				"udp=on, or an L2TP tunnel of the kernel and a tap device");
		qemuargs_check_port(p, option, "srcport", qemuargs_key(p, option, "srcport"));
	} else if (strcmp(type, "af-xdp") == 0 && qemuargs_key(p, option, "sock-fds")) {
		qemuargs_add_fds(p, option, "sock-fds");
	} else if (strcmp(type, "af-xdp") == 0) {
		qemuargs_refuse(p, option, NULL, NULL,
			"af-xdp needs CAP_NET_ADMIN and CAP_BPF, which QEMU will not have: pass "
			"opened sockets with sock-fds=");
	}
}

void qemuargs_find_netdev(struct qemuargs_parser *p, size_t option)
{
	const char *type = qemuargs_key(p, option, "type");

	if (!type)
		return;
	if (strcmp(type, "tap") == 0)
		find_tap(p, option);
	else if (strcmp(type, "bridge") == 0)
		find_bridge(p, option);
	else if (strcmp(type, "user") == 0)
		find_user(p, option);
	else
		find_other(p, option, type);
}
