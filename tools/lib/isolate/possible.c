/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/possible.h"

#include "base/has_cap.h"
#include "base/log.h"
#include "isolate/landlock.h"

#include <linux/capability.h>

char *isolation_why_not(const struct isolation *isolation)
{
	unsigned mounts = ISOLATE_ROOT | ISOLATE_NAMESPACES | ISOLATE_NETWORK;

	if ((isolation->layers & mounts) && !has_cap(CAP_SYS_ADMIN))
		return xstrdup("namespaces and mounts of the VM's own require CAP_SYS_ADMIN, which "
			       "a container must be given; --isolate=user does without");
	return isolation->layers & ISOLATE_LANDLOCK ? landlock_why_not() : NULL;
}
