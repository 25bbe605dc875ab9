/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking a QEMU by its monitor to power down, and waiting for its end. A guest may have taken QEMU
 * over: whatever it says, or does not, this ends in time, and takes no memory. Private to vm/.
 */
#pragma once

#include <stdbool.h>

/* Milliseconds, by a clock that nobody sets. */
long long ask_now(void);
/*
 * The milliseconds that are left, for poll(2), never less than 0, which would have it wait for
 * ever; and errno, should they be gone.
 */
int ask_left(long long end);

/*
 * Connects fd, a UNIX socket that does not block, to the monitor at path and asks it to power down,
 * as the guest's power button would. is_qmp: it speaks QMP, else that of people. process: QEMU's,
 * a pidfd. False and errno: it could not be asked before that time.
 */
bool ask_power_down(int fd, const char *path, bool is_qmp, int process, long long end);

/*
 * Whether the process of the pidfd ends before that time, or errno says why not. What is said on fd
 * meanwhile (-1: nothing) is thrown away.
 */
bool ask_wait(int process, int fd, long long end);
