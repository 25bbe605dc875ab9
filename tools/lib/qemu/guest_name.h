/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The name of a VM on the command line of a QEMU that runs, for who only wants to call it by that:
 * without the parser of args.h, and what that needs. Pure.
 */
#pragma once

#include <stddef.h>

/*
 * The value of the last -name, its key "guest", in words that each end with a NUL, as
 * /proc/PID/cmdline has them: new, with the bytes that are there. NULL: there is none. A word that
 * is the value of another option counts as "-name", too.
 */
char *qemu_guest_name(const char *words, size_t length);
