/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An isolation that is described, shown on standard output: every layer, and what is visible. */
#pragma once

#include "isolate/isolation.h"

/* Lines of text, behind those of the plan. Nothing, if nothing is isolated. */
void isolation_report(const struct isolation *isolation);

/* The member "isolation" of tests/schema/virt-priv-run.json. */
void isolation_report_json(const struct isolation *isolation);

/* What of the mode qemu.conf turns off, a new text such as "id, limits"; NULL: nothing. */
char *isolation_off(const struct isolation *isolation);
