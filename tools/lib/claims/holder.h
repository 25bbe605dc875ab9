/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds a VM's claim, and whether the VM runs, for commands that would take its disks from
 * under it, and for messages, which must not recommend that.
 *
 * It runs where the process that the journal names as its holder lives, or where a process of
 * the QEMU user has a claimed object open. A holder that is a forefather of this very process does
 * not count: it is the script that claims, runs QEMU and releases. Neither does an opener of what
 * libvirt holds as well: that stays QEMU's until libvirt gives it back.
 */
#pragma once

#include "claims/journal.h"

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum claims_hold {
	CLAIMS_HELD,
	CLAIMS_ABANDONED, /* recover is to release it: of an earlier boot, or its holder is dead */
	CLAIMS_UNKNOWN,	  /* its holder can't be examined; it may run still */
};

/* Who has the claim; *error is a new message, why, with CLAIMS_UNKNOWN alone. */
enum claims_hold claims_hold(const struct journal *journal, char **error);

/*
 * Who uses what the journal holds, a new text such as "process 12 (qemu-system-x86) has /srv/a.img
 * open"; NULL: nobody, as far as can be told. path: that entry alone, whose claim can be dropped
 * while the VM runs, if only nobody has it open for writing; NULL: all of them. The journals are
 * locked.
 */
char *holder_using(const struct journal *journal, const char *path);

/* Whether a process has the object open for writing, or that can't be seen. */
bool holder_writes(pid_t pid, const struct stat *st);

/*
 * What ends the VM's claim, a new text that can follow "the VM web holds it; ". help: see
 * base/help.h.
 */
char *holder_advice(const struct journal *journal, char **help);
