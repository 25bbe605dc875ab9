/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What would become of a QEMU that runs as root, if it were started by virt-priv-run as it is.
 *
 * Planning is about one process: its current directory, environment and descriptors. So each QEMU
 * is judged in a child, which becomes what that one was started as, as far as the plan can see
 * (running.h), plans without any change, and sends what it has found; a plan that ends the program
 * ends the child.
 */
#pragma once

#include "vm/obstacles.h"
#include "vm/running.h"

/*
 * In the child: plans the command line of running, and puts what it finds into *obstacles. Returns
 * the name of the VM, new. Where there can be no plan, it ends the process, with a message.
 */
typedef char *verdict_planner(
	void *context, const struct running *running, struct obstacles *obstacles);

/*
 * Judges the processes, one after the other, and prints "NAME (pid N): M obstacles" for each, with
 * the obstacles below, or a JSON document, on standard output. Whether each was judged, and has no
 * obstacle.
 */
bool verdict_report(const pid_t *pids, size_t n, bool json, verdict_planner *plan, void *context);
