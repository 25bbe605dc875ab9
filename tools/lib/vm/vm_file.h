/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What people paste into the file of a VM (virt-priv-vm(5)) from a script or a unit, and what is no
 * command line there: two words on a line, quotes, backslashes at the end of a line.
 */
#pragma once

#include "base/options.h"
#include "vm/obstacles.h"

/*
 * Adds an obstacle that begins with "PATH:LINE: " for each line that cannot be what is meant. own:
 * the options that may stand before the command line. Blanks, and quotes within it, are left to the
 * value of an option that may have them.
 */
void vm_file_check(const char *path, const char *text, const struct option_table *own,
	struct obstacles *obstacles);
