/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps a program that shares a terminal with its caller from typing on it.
 *
 * TIOCSTI pushes characters into the terminal's input, where the caller's
 * shell, usually root's, reads them after the program; TIOCLINUX does the same
 * with the console's selection. The terminal itself stays as it is: TIOCNOTTY
 * would end a session leader by SIGHUP and let a background program read it,
 * and a session of its own would take Ctrl-C away.
 *
 * Private to launch/.
 */
#pragma once

#include <stdbool.h>

/*
 * Whether the process can reach a terminal: a standard descriptor is one, or
 * there is a controlling terminal, which anybody can open as /dev/tty.
 */
bool terminal_reachable(void);

/*
 * Installs a seccomp filter, for this process and all that it becomes or
 * starts, in which ioctl(TIOCSTI) and ioctl(TIOCLINUX) fail with EPERM and a
 * system call of another ABI (i386 or x32 code on x86-64, where the numbers
 * differ) kills the process. Needs no_new_privs or CAP_SYS_ADMIN. Ends the
 * program where it can't be installed or, tried, does not refuse.
 */
void terminal_forbid_typing(void);
