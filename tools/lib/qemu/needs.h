/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a QEMU command line needs of the kernel beside the files that it names: for those who take
 * away the rest. Pure: words in, facts out.
 */
#pragma once

#include "qemu/ports.h"

#include <stdbool.h>
#include <stddef.h>

struct qemu_needs {
	char *network; /* why the host's network, such as "-netdev user"; NULL: it needs none */
	struct qemu_ports listens, connects; /* TCP, of that network */
	bool terminals;			     /* pseudo-terminals */
	bool io_uring;
	bool aio;	/* aio=native */
	bool incoming;	/* a migration comes in */
	bool vsock;	/* sockets of AF_VSOCK; vhost-vsock has none */
	bool can, xdp;	/* sockets of AF_CAN, of AF_XDP */
	bool mptcp;	/* TCP over several paths */
	bool abstract;	/* UNIX sockets that are names in the host's network alone */
	bool usb;	/* a bus to which devices of the host could be added */
	bool keyring;	/* a secret in a keyring of the kernel's */
	bool host_name; /* it tells others the name of the host: Kerberos does, behind SASL */
	bool ipc;	/* System V IPC with programs of the host, which is how they share sound */
	bool spawns;	/* its own filter is set so that it may start processes */
	bool affinity;	/* it sets the processors of its threads */
	bool inotify;	/* it watches files for changes */
	bool memfd;	/* memory without a name, shared with other processes */
	bool shm;	/* guest memory in /dev/shm */
	char **sockets; /* UNIX sockets of disks' servers, to which QEMU itself connects */
	size_t n_sockets;
	unsigned cpus; /* of the guest, at most; at least 1 */
};

/*
 * Of a whole command line, argv[0] included, as it is executed: descriptors in the place of UNIX
 * sockets. A word that can't be told counts as a need. qemu_needs_free() releases what *needs
 * holds.
 */
void qemu_needs(char *const *command, struct qemu_needs *needs);
void qemu_needs_free(struct qemu_needs *needs);
