/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shows a launch that is planned (launch.h), as text or as JSON. */
#pragma once

#include "launch/launch.h"

/*
 * Prints to standard output what launch_exec() would do, as sentences or as the
 * JSON document of tests/schema/virt-priv-exec.json.
 */
void launch_report(const struct launch *launch);
void launch_report_json(const struct launch *launch);
