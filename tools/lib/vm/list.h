/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VMs that virt-priv-run has started and that are there: by what it has noted of them
 * (claims/runtime_vm.h), and by the claims that killed runners have left.
 */
#pragma once

#include <stdbool.h>

/*
 * Prints them to standard output, a table or JSON. False: one of them can't be told, which is said,
 * or there is no list.
 */
bool vm_list(bool json);
