/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What QEMU uses of its host without being given it: servers of a session, directories of a
 * library, files that the reader of command lines has no resource for. As root, or in the root
 * directory of the host, it finds them by itself; a VM with a root directory of its own does not.
 * Pure: a command line in, a list out.
 */
#pragma once

#include "qemu/args.h"

struct qemu_use {
	size_t option; /* which of the options is about it */
	char *path;    /* where it is; NULL: nothing that could be shown to QEMU */
	bool writable;
	const char *instead; /* what helps, beside showing it; NULL: nothing. Static. */
};

/* A new array, of *n; qemu_uses_free() releases it. */
struct qemu_use *qemu_uses(const struct qemuargs *args, size_t *n);
void qemu_uses_free(struct qemu_use *uses, size_t n);
