/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A QEMU that is about to run unprivileged: what is done about each resource of the host
 * that its command line names.
 *
 * All of it is planned first, without any change: an item for each resource, which says
 * what is to be done or why it can't be, the steps that do it, and the new command line,
 * in which descriptors already have their numbers (vm.h). Then the steps are prepared, in
 * order (prepare.h); QEMU's process makes the claims (claim.h); after its end all is given
 * back, the last step first.
 *
 * Each kind of resource has a planner: images.c, memory.c, files.c, logs.c, pid_file.c,
 * sockets.c, published.c, network.c, devices.c, descriptors.c. What only virtual machines of
 * this tool have, their runtime directory, is in runtime.c.
 */
#pragma once

#include "vm/state.h"

/*
 * Plans the VM. Set before: program, name, settings, identity, label, args, images, trusted,
 * dry_run and control. The lock of the journals is held meanwhile only: scripts and servers
 * can take their time. False and a new message where there can be no plan.
 */
bool vm_plan(struct vm *vm, char **error);

/*
 * The command line as planned, argv[0] being program, and the isolation in which the file found is
 * executed: a new array of new strings that ends with
 * NULL. NULL and a new message if a document of it can't be passed.
 */
char **vm_command(struct vm *vm, const char *program, const char *found, char **error);

/*
 * In its place, where there is no such program, or root cannot execute it: refuses it. found and
 * error are those of launch_search().
 */
void vm_refuse_program(struct vm *vm, const char *found, int error);
