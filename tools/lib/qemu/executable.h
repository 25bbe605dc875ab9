/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which files are executables of QEMU. What a process calls itself (comm, cmdline) is its own
 * choice, so a process is told by its executable.
 */
#pragma once

#include <stdbool.h>

/* Where packages, and people who build it themselves, install QEMU; ends with NULL. */
extern const char *const qemu_executable_directories[];

/* Whether a path, " (deleted)" behind it or not, names one: qemu-system-..., qemu-kvm. */
bool qemu_executable_is_name(const char *path);
