/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RUNTIME_DIR: root's directory for what lasts as long as the boot. Made by tmpfiles.d, or when
 * it is needed.
 *
 * Names in it, which can't be each other's, since a VM's name begins with a letter, a digit or
 * "_" and runtime_dir_fits() refuses one that ends in ".qmp":
 *
 *   NAME          the directory of a VM of virt-priv-run
 *   NAME.qmp      its control socket
 *   .NAME.down    what is to run when it has ended, see downscripts.h
 *   .NAME.lock    held while it is prepared, runs, and is given back
 *   .NAME.vm      what there is to know of it, see runtime_vm.h
 *   .NAME.N.old   a directory of an earlier run, that could not be emptied
 *   .id-N         held by the isolated VM that has the uid N, see isolate/pool.h
 *   .boot-time    see boot.h
 */
#pragma once

#include <stdbool.h>

#define RUNTIME_DIR "/run/virt-privileges"
/* What VMs have on disk while they run, a directory for each: see vm/scratch.h. */
#define SCRATCH_DIR "/var/lib/virt-privileges/tmp"
#define RUNTIME_ID ".id-" /* and the uid */

/*
 * Opens RUNTIME_DIR, for reading; makes it where it is missing. Whatever the umask, others may
 * search it and nobody else than root may write to it: sockets in it are for those whom their own
 * mode admits. One of root's with another mode is mended; one that others could have written to is
 * refused. -1 and a new message on failure.
 */
int runtime_dir_open(char **error);

/* Whether a VM's name (journal_is_name()) is that of nothing else in RUNTIME_DIR. */
bool runtime_dir_fits(const char *name);

/*
 * Takes the VM's name for as long as the descriptor is open: until then nobody else can start or
 * empty a VM of that name. A process that is not root's must not have it. -1: somebody has it
 * (errno EWOULDBLOCK), or it can't be had; a new message. starts: of a VM, which a recover at the
 * same moment must not keep from starting: somebody's end is waited for, for a second.
 */
int runtime_dir_take(int runtime, const char *name, bool starts, char **error);

/*
 * Whether somebody has the name: a start, the runner of a VM, or who gives it back. -1 and errno:
 * that can't be told.
 */
int runtime_dir_is_taken(const char *name);

/* Takes the lock's file away, which must still be held; says what it can't. */
void runtime_dir_let_go(const char *name);

/*
 * Removes an empty directory of RUNTIME_DIR's, and one that is a file system of its own whatever
 * is in it and whoever has it open (umount2(2), MNT_DETACH). True also where there is none; else
 * false, and errno.
 */
bool runtime_dir_remove(int runtime, const char *name);
