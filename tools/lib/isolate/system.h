/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every QEMU needs of the host to run at all, whatever its command line says. */
#pragma once

#include "isolate/isolation.h"

/*
 * Adds programs and libraries, what the C library reads of /etc, and devices, as this host has
 * them; with the program, network, terminals and sysfs of the isolation set. False
 * and a new message on failure.
 */
bool isolation_add_system(struct isolation *isolation, char **error);

/* In the order in which they are mounted: what lies in another one behind it. */
void isolation_sort(struct isolation *isolation);
