/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The window that QEMU opens by itself. Private to vm/. */
#pragma once

#include "vm/state.h"

/*
 * Adds an item where QEMU, as root, would have opened a window in the caller's session, and the
 * command line does not ask for it: without a display of another kind, it takes GTK or SDL
 * (qemu_display_find_default() of ui/console.c), and VNC on a port where these fail.
 */
void vm_plan_window(struct vm *vm);
