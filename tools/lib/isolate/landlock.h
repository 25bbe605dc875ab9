/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Landlock rules of an isolated QEMU (Documentation/userspace-api/landlock.rst of the kernel).
 *
 * What is visible is decided by the root directory; its rules say what may be done there. Below /
 * QEMU reads and writes, so that what is mounted there later needs no rule: a rule per path can't
 * be added to a process that runs. QEMU and what loads it can be executed, nothing else. Files are
 * made and removed in the VM's own directories. No TCP in a network of its own, and in the host's
 * that of the ports which the command line names, as far as it says which; no signal to a
 * process outside, no abstract socket of one.
 *
 * Where the root directory is the host's, no access to files is taken away: then they are there for
 * what they keep from a process that has any, which is to trace processes outside, or to look into
 * them by /proc; and no signal, no abstract socket, either.
 *
 * Every access that the kernel knows is handled, up to those of version 6 of its interface; what an
 * older kernel does not know it does not deny. Private to isolate/.
 */
#pragma once

#include "isolate/isolation.h"

/*
 * Why this kernel has no Landlock, a new message with what helps; NULL: it has. Without a root
 * directory of the VM's own, version 2 of it is needed: before, all are kept from moving files.
 */
char *landlock_why_not(bool has_root);

/* Whether this kernel's Landlock knows abstract sockets and signals (version 6, of Linux 6.12). */
bool landlock_has_scopes(void);

/*
 * Restricts the calling process. fds are the descriptors that QEMU gets: what they refer to can be
 * opened again by /proc/self/fd/N. In the end the kernel must refuse what no rule allows. False
 * and a new message on failure.
 */
bool landlock_restrict(
	const struct isolation *isolation, const int *fds, size_t n_fds, char **error);
