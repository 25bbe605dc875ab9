/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables of UEFI firmware: each VM has a copy of its own of a template, which QEMU does not
 * make. Private to vm/.
 */
#pragma once

#include "qemu/args.h"

/*
 * How a file of variables that is missing is made, a new command for path: from the template that
 * comes with the firmware of the command line, else from the first one that the host has. NULL: it
 * has none.
 */
char *vm_make_vars(const struct qemuargs *args, const char *path);
