/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of an isolation that needs root: in QEMU's process, before its ids change.
 *
 * What is visible is bound by descriptors. A path that was claimed must be one of the claimed
 * objects, which were judged and are held; every other one is walked to by the rule for paths that
 * somebody else has named (path/safepath.h), and one that this calls unsafe ends the start.
 */
#pragma once

#include "isolate/isolation.h"

/*
 * claimed are descriptors of the objects that the VM has claimed, below 0: none. In the end the
 * process has namespaces, a root directory and limits of the VM's, each read back from the kernel.
 * False and a new message on failure.
 */
bool isolate_enter(
	const struct isolation *isolation, const int *claimed, size_t n_claimed, char **error);
