/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/visit_disks.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "claims/claims.h"
#include "isolate/visit.h"
#include "path/probe.h"

#include <sys/stat.h>

struct stat *visit_look_at(const struct claim_requests *disks)
{
	struct stat *objects = xcalloc(disks->n, sizeof *objects);

	for (size_t i = 0; i < disks->n; i++) {
		const char *path = disks->all[i].path;
		if (!path || probe_is_silent(path) || stat(path, &objects[i]) < 0)
			objects[i].st_ino = 0;
	}
	return objects;
}

bool visit_hide_all(int vm, const struct claim_requests *disks, const struct stat *objects)
{
	bool good = true;

	for (size_t i = 0; i < disks->n; i++) {
		cleanup_free char *error = NULL;
		const struct stat *object = objects[i].st_ino ? &objects[i] : NULL;
		if (!disks->all[i].path || visit_hide(vm, disks->all[i].path, object, &error))
			continue;
		warn("%s", error);
		good = false;
	}
	return good;
}
