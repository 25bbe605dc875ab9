/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the file of a VM that is a unit (virt-priv-vm(5)) out of a command line as it stands in a
 * script, whose words the shell has expanded.
 *
 * A unit runs in /, and stays in the foreground: paths become absolute, and -daemonize and -pidfile
 * go. What a file cannot say, or a unit has not, such as descriptors of the caller, is refused.
 */
#pragma once

#include "base/options.h"
#include "qemu/args.h"

#include <stdbool.h>

/*
 * Writes the file of the VM's name, whole or not at all, and makes its directory: own, options of
 * virt-priv-run, in front of the command, whose -readconfig files are read by read. Says on
 * standard output what was written, and what was left out. A file that has these words already is
 * left as it is, one that has others is an error. False and a new message: nothing is changed.
 */
bool unit_write(const char *name, const struct option_texts *own, char *const *command,
	qemuargs_reader *read, char **error);

/*
 * Makes the current directory and the environment those of a unit. False and a new message on
 * failure.
 */
bool unit_enter(char **error);

/* Prints how the VM is started, watched and stopped; checked: and not how it is checked again. */
void unit_print_commands(const char *name, bool checked);
