/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a VM that virt-priv-run started. Its guest is asked to power down: through the control
 * socket (runtime.h) that a VM of --vm has, else through a monitor of the command line's own on a
 * UNIX socket. Without either, its QEMU gets SIGTERM, and quits.
 */
#pragma once

#include <stdbool.h>

struct vm_stop_how {
	unsigned seconds; /* for so long it is waited, at most */
	bool kill;	  /* then QEMU is killed; at once where that is 0 */
};

/*
 * Asks the VM, and waits until its QEMU has ended and virt-priv-run has given back all that it had.
 * False and a new message: it has not, or could not be asked.
 */
bool vm_stop(const char *name, const struct vm_stop_how *how, char **error);

/*
 * Prints what vm_stop() would do, and what is given back then, and changes nothing. False and a new
 * message: the VM does not run, or that can't be told.
 */
bool vm_stop_report(const char *name, const struct vm_stop_how *how, char **error);
