/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scripts that are to run as root when a VM of virt-priv-run has ended, and the interfaces they
 * are for: noted in RUNTIME_DIR, where root alone writes, for as long as the VM has them.
 *
 * What a killed runner has left is told to the admin, and never run: the interface went with QEMU,
 * and its name can be that of another VM's by now.
 */
#pragma once

#include <stdbool.h>

/* Notes one more of the VM's. runtime is RUNTIME_DIR. False and a new message on failure. */
bool downscripts_note(
	int runtime, const char *vm, const char *script, const char *interface, char **error);

/* All of the VM's have been run, or need not be. */
void downscripts_forget(int runtime, const char *vm);

/*
 * Warns of each of the VM's, which does not run and whose name is taken, with the command that
 * makes up for it; once: what was told is forgotten, if it is to be.
 */
void downscripts_tell(int runtime, const char *vm, bool forget);
