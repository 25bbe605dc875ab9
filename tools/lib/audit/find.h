/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processes are QEMU, and which others use KVM.
 *
 * A process is told by its executable: by the file's name, by the file itself where it is
 * that of an installed QEMU, and by content where it is a copy of one. What a process
 * calls itself (comm, cmdline) is its own choice and never counts. That costs two system
 * calls for a process that is something else. Who has a virtual machine of KVM open is
 * looked for in a second pass, over every descriptor of the processes that are left.
 * Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/* What it may be, 1 << FOUND_BY_...; some that the kernel's side has found may be no QEMU. */
#define FOUND_QEMU (1U << FOUND_BY_NAME | 1U << FOUND_BY_FILE | 1U << FOUND_BY_COPY)
#define FOUND_ANY (FOUND_QEMU | 1U << FOUND_BY_KVM | 1U << FOUND_BY_REQUEST)
struct found_process {
	pid_t pid;
	unsigned kinds;
};

/*
 * Looks through /proc: *n processes in the new array *out. Processes that can't be seen into
 * are counted in audit->n_hidden. False and a new *error where /proc can't be listed; *out is
 * to be freed then, too.
 */
bool audit_find(
	struct audit *audit, bool scan_kvm, struct found_process **out, size_t *n, char **error);

/*
 * What that process is, of these kinds, or FOUND_BY_REQUEST. process: a descriptor of its directory
 * of /proc; -1: it could not be opened, and is looked at by its number. What its exe link says is
 * new in *exe; NULL: errno is in *exe_errno.
 */
enum found_by audit_find_one(
	struct audit *audit, int process, pid_t pid, unsigned kinds, char **exe, int *exe_errno);
