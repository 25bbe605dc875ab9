/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan, shown on standard output, whose errors are left to the caller (ferror(3)), or told on
 * standard error.
 */
#pragma once

#include "vm/state.h"

/* Warns of isolation that is not as it was asked for, or as it usually is. */
void vm_warn_of_isolation(const struct vm *vm);

/*
 * Prints the plan and the command line, as text or as the JSON document of
 * tests/schema/virt-priv-run.json.
 */
void vm_report(const struct vm *vm, char *const *command, bool json);

/* Says on standard error what is refused, and what will not be as it was for root. */
void vm_warn(const struct vm *vm);
