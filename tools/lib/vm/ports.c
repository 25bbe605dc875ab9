/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/ports.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "path/listeners.h"
#include "vm/step.h"

#include <fcntl.h>
#include <stdlib.h>

#define START "net.ipv4.ip_unprivileged_port_start"

/* Whether every user may bind the port, in the network of this process (ip(7)). */
static bool may_bind(unsigned port)
{
	char text[16];

	return io_read_short(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", text,
		       sizeof text) > 0 &&
	       port >= strtoul(text, NULL, 10);
}

/* One command for all ports of the command line: it sets the lowest one. */
static unsigned lowest_port(const struct qemuargs *args)
{
	unsigned lowest = 0;

	for (size_t i = 0; i < args->n_notices; i++) {
		unsigned port = args->notices[i].port;
		if (port && (!lowest || port < lowest))
			lowest = port;
	}
	return lowest;
}

void vm_plan_low_port(struct vm *vm, const struct qemuargs_notice *notice)
{
	const struct qemuargs_resource r = {.kind = RESOURCE_FILE,
		.access = ACCESS_RO,
		.path = notice->path,
		.source = notice->source};

	if (may_bind(notice->port))
		return;
	char *help;
	char *reason = help_message(&help, xstrdup(notice->reason), "; or let all users bind it: ",
		xasprintf("sysctl " START "=%u", lowest_port(vm->args)));
	vm_refuse_helped(vm, &r, reason, help);
}

void vm_plan_listening_port(struct vm *vm, const struct qemuargs_port *port)
{
	cleanup_free char *holder = listeners_in_the_way(port->host, port->port, port->is_ipv4);
	cleanup_free char *name = port->host && *port->host
					  ? xasprintf("%s:%u", port->host, port->port)
					  : xasprintf("%u", port->port);
	const struct qemuargs_resource r = {.kind = RESOURCE_FILE,
		.access = ACCESS_RO,
		.path = name,
		.source = vm->args->options[port->option].source};

	if (holder)
		vm_refuse(vm, &r,
			xasprintf("TCP port %u is in use by %s; stop it, or use another port",
				port->port, holder));
}
