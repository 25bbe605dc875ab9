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

struct verdict {
	pid_t pid;
	char *name;    /* of the VM; NULL: not known */
	char *why_not; /* why it was not judged; NULL: it was */
	struct obstacles obstacles;
};

/*
 * In the child: plans the command line of running, and puts what it finds into *obstacles. Returns
 * the name of the VM, new. Where there can be no plan, it ends the process, with a message.
 */
typedef char *verdict_planner(
	void *context, const struct running *running, struct obstacles *obstacles);

/* Judges a process into *verdict, which verdict_free() releases. */
void verdict_find(struct verdict *verdict, pid_t pid, verdict_planner *plan, void *context);
void verdict_free(struct verdict *verdict);

/* Whether it would start, and be as it was. */
bool verdict_is_good(const struct verdict *verdict);

/* Prints "NAME (pid N): M obstacles" on standard output, and the obstacles below. */
void verdict_print(const struct verdict *verdict);
/* Writes it as an element of a JSON array. */
void verdict_json(const struct verdict *verdict);
