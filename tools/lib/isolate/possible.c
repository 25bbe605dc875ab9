/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/possible.h"

#include "base/cleanup.h"
#include "base/has_cap.h"
#include "base/log.h"
#include "isolate/filter.h"
#include "isolate/landlock.h"
#include "isolate/namespaces.h"
#include "isolate/program.h"

#include <errno.h>
#include <linux/capability.h>

static char *why_no_namespaces(const struct isolation *isolation, enum isolate_layer layer)
{
	/* Where that can't be told, the attempt tells. */
	if (has_cap(CAP_SYS_ADMIN) || errno)
		return namespaces_why_not(layer);
	return xasprintf("namespaces and mounts of the VM's own require CAP_SYS_ADMIN, which "
			 "a container must be given%s",
		isolation->asked & layer ? "; --isolate=user does without" : "");
}

static char *why_no_filter(const char *program)
{
	if (program_is_foreign(program))
		return xasprintf("%s is a program for another architecture or word size than this "
				 "one, and the filter knows the system calls of this one alone",
			program);
	return filter_why_not();
}

char *isolation_why_not(const struct isolation *isolation, enum isolate_layer layer)
{
	switch (layer) {
	case ISOLATE_ROOT:
	case ISOLATE_NAMESPACES:
	case ISOLATE_NETWORK:
		return why_no_namespaces(isolation, layer);
	case ISOLATE_LANDLOCK:
		return landlock_why_not(isolation->layers & ISOLATE_ROOT);
	case ISOLATE_FILTER:
		return why_no_filter(isolation->program);
	case ISOLATE_ID:
	case ISOLATE_LIMITS:
		break;
	}
	return NULL;
}
