/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device nodes that root opens for a VM, and the modules of the kernel behind them. Private to vm/.
 */
#pragma once

/*
 * Why the node cannot be opened, with the modprobe(8) that helps, a new message; NULL: it can, as
 * far as that is told without loading a module. help: see base/help.h.
 */
char *node_why_missing(const char *path, char **help);
