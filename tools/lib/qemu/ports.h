/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP ports that an option of QEMU's command line names: those on which QEMU listens, and those
 * to which it connects. Pure. What can't be told counts as any port.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of 65,536 ports, which; beyond so many, any. */
#define QEMU_PORTS_MAX 256

struct qemu_ports {
	bool any;
	unsigned all[QEMU_PORTS_MAX];
	size_t n;
};

/*
 * Adds those of an option, without its hyphens, and its value, which is known to need the network
 * of the host.
 */
void qemu_ports_of(const char *option, const char *value, struct qemu_ports *listens,
	struct qemu_ports *connects);
