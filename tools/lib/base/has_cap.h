/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this root may: in a container, it is not all (capabilities(7)). */
#pragma once

#include <stdbool.h>

/*
 * Whether a capability (CAP_... of <linux/capability.h>) is in the effective set. Where it is not,
 * errno is 0, or says why that can't be told.
 */
bool has_cap(unsigned capability);
