/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/ports.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define MAX_PORT 65535
/* vnc_display_get_address() of ui/vnc.c */
#define VNC_PORT 5900
#define VNC_WEBSOCKET_PORT 5700
#define GDB_PORT 1234
#define DNS_PORT 53

static void add(struct qemu_ports *ports, unsigned long first, unsigned long last)
{
	if (first > MAX_PORT || last > MAX_PORT || last < first ||
		last - first >= QEMU_PORTS_MAX - ports->n) {
		ports->any = true;
		return;
	}
	for (unsigned long port = first; port <= last; port++)
		ports->all[ports->n++] = (unsigned)port;
}

/* All of the text up to one of the characters must be a number. */
static bool read_number(const char *text, const char *end, unsigned long *number)
{
	char *behind;

	if (*text < '0' || *text > '9')
		return false;
	*number = strtoul(text, &behind, 10);
	return !*behind || strchr(end, *behind);
}

/* What follows ",KEY=" or "KEY=" at the start; NULL: it is not there. */
static const char *find_key(const char *value, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = value; (p = strstr(p, key)) != NULL; p += n)
		if ((p == value || p[-1] == ',' || p[-1] == '.') && p[n] == '=')
			return p + n + 1;
	return NULL;
}

/* "server", "server=on", unless it is off; a word of its own. */
static bool is_server(const char *value)
{
	const char *found = strstr(value, ",server");

	if (!found)
		found = strstr(value, "addr.server");
	return found && !strstr(found, "server=off");
}

/* Behind the last colon of the first part: "tcp:HOST:PORT,...". */
static bool read_last(const char *value, unsigned long *port)
{
	cleanup_free char *first = xstrndup(value, strcspn(value, ","));
	const char *colon = strrchr(first, ':');

	return colon && read_number(colon + 1, "", port);
}

/* A port, and those that are tried behind it. */
static void add_socket(const char *value, bool listens_always, struct qemu_ports *listens,
	struct qemu_ports *connects)
{
	const char *key = find_key(value, "port"), *to = find_key(value, "to");
	unsigned long port, last;
	bool listens_here = listens_always || is_server(value);
	struct qemu_ports *ports = listens_here ? listens : connects;

	if (!(key ? read_number(key, ",", &port) : read_last(value, &port)) ||
		(to && !read_number(to, ",", &last))) {
		ports->any = true;
		return;
	}
	add(ports, port, to ? last : port);
}

static void add_vnc(const char *value, struct qemu_ports *listens, struct qemu_ports *connects)
{
	const char *websocket = strstr(value, "websocket"), *to = find_key(value, "to");
	unsigned long display, last = 0;
	bool is_unix = strncmp(value, "unix:", 5) == 0;

	/* A viewer that listens, for which the number is its port. */
	if (strstr(value, "reverse")) {
		connects->any = true;
		return;
	}
	if (strstr(value, "vnc=") ||
		(websocket && websocket[strcspn(websocket, ",=")] == '=' &&
			strncmp(websocket, "websocket=on", 12) != 0) ||
		(is_unix && websocket) || !read_last(value, &display) || display > MAX_PORT ||
		(to && !read_number(to, ",", &last))) {
		listens->any = true;
		return;
	}
	last = to ? last : display;
	add(listens, VNC_PORT + display, VNC_PORT + last);
	if (websocket)
		add(listens, VNC_WEBSOCKET_PORT + display, VNC_WEBSOCKET_PORT + last);
}

static void add_keys(const char *value, const char *const *keys, struct qemu_ports *ports)
{
	for (; *keys; keys++) {
		const char *found = find_key(value, *keys);
		unsigned long port;
		if (found && read_number(found, ",", &port))
			add(ports, port, port);
		else if (found)
			ports->any = true;
	}
}

/* "tcp:[ADDRESS]:PORT-[ADDRESS]:PORT", of which the first one is the host's. */
static void add_forwards(const char *value, struct qemu_ports *listens)
{
	for (const char *p = value; (p = find_key(p, "hostfwd")) != NULL;) {
		cleanup_free char *host = xstrndup(p, strcspn(p, "-,"));
		unsigned long port;
		if (strncmp(host, "udp:", 4) == 0)
			continue;
		if (p[strlen(host)] == '-' && read_last(host, &port))
			add(listens, port, port);
		else
			listens->any = true;
	}
}

static void add_net(const char *value, struct qemu_ports *listens, struct qemu_ports *connects)
{
	const char *listen = find_key(value, "listen"), *connect = find_key(value, "connect");
	unsigned long port;

	if (strncmp(value, "dgram", 5) == 0 || strncmp(value, "l2tpv3", 6) == 0 ||
		find_key(value, "mcast") || find_key(value, "udp"))
		return;
	if (strncmp(value, "user", 4) == 0) {
		connects->any = true;
		add_forwards(value, listens);
	} else if (strncmp(value, "stream,", 7) == 0 && find_key(value, "addr.port")) {
		add_socket(value, false, listens, connects);
	} else if (listen || connect) {
		if (read_last(listen ? listen : connect, &port))
			add(listen ? listens : connects, port, port);
		else
			(listen ? listens : connects)->any = true;
	} else {
		listens->any = connects->any = true;
	}
}

static bool is_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

void qemu_ports_of(const char *option, const char *value, struct qemu_ports *listens,
	struct qemu_ports *connects)
{
	static const char *const sockets[] = {
		"chardev", "serial", "parallel", "monitor", "qmp", "qmp-pretty", "debugcon", NULL};
	static const char *const disks[] = {"drive", "blockdev", "hda", "hdb", "hdc", "hdd",
		"cdrom", "fda", "fdb", "mtdblock", "pflash", "sd", NULL};
	static const char *const nets[] = {"netdev", "nic", "net", NULL};
	static const char *const spice[] = {"port", "tls-port", NULL};

	if (strcmp(option, "vnc") == 0) {
		add_vnc(value, listens, connects);
	} else if (strcmp(option, "spice") == 0) {
		add_keys(value, spice, listens);
	} else if (strcmp(option, "s") == 0) {
		add(listens, GDB_PORT, GDB_PORT);
	} else if (is_any(option, nets) && value[0] != '{') {
		add_net(value, listens, connects);
	} else if (is_any(option, disks)) {
		connects->any = true;
	} else if (strncmp(value, "udp", 3) == 0) {
		return;
	} else if (strcmp(option, "gdb") == 0 ||
		   (strcmp(option, "incoming") == 0 && strncmp(value, "tcp:", 4) == 0)) {
		add_socket(value, true, listens, connects);
	} else if (is_any(option, sockets) && value[0] != '{') {
		add_socket(value, false, listens, connects);
	} else {
		listens->any = connects->any = true;
	}
	/* The address of a name may be too long for a datagram. */
	if (connects->n)
		add(connects, DNS_PORT, DNS_PORT);
}
