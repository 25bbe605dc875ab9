/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What to call a process, for who has to act on it: the unit that it runs in, and the name of its
 * VM, from what only root can have written: its unit, libvirt's files, claims and ids of
 * virt-priv-run. Where none of them has one, command_line.h does. Private to audit/.
 */
#pragma once

#include "audit/audit.h"

/* Fills unit, is_libvirt, vm_name and named_by of each process, as far as they are told. */
void audit_vms_name(struct audit *audit);

/* Who has named the VM: "virt-priv-run", "libvirt", "command-line". NULL: nobody. */
const char *audit_named_by(const struct audit_process *process);

/* What to call it: the VM's name or, in brackets, what the process calls itself. New. */
char *audit_display_name(const struct audit_process *process);
