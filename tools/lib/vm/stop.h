/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a VM that --vm started, by the control socket (runtime.h) that it has. */
#pragma once

#include <stdbool.h>

/*
 * Asks the VM through its control socket to power down, as its power button would, and waits
 * until its QEMU has ended and virt-priv-run has given back all that it had, for at most that many
 * seconds. False and a new message: it has not, or could not be asked.
 */
bool vm_stop(const char *name, unsigned seconds, char **error);

/*
 * Prints what vm_stop() would do, and what is given back then, and changes nothing. False and a new
 * message: the VM does not run, or that can't be told.
 */
bool vm_stop_report(const char *name, unsigned seconds, char **error);
