/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a QEMU command line needs of the kernel beside the files that it names: for those who take
 * away the rest. Pure: words in, facts out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct qemu_needs {
	char *network;	/* why the host's network, such as "-netdev user"; NULL: it needs none */
	bool terminals; /* pseudo-terminals */
	bool io_uring;
	bool incoming;	/* a migration comes in */
	bool vsock;	/* sockets of AF_VSOCK; vhost-vsock has none */
	bool can;	/* sockets of AF_CAN */
	bool abstract;	/* abstract UNIX sockets, which belong to a network, see unix(7) */
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
