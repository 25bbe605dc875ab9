/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/account_power.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>

bool account_cannot_log_in(const char *shell)
{
	const char *slash = strrchr(shell, '/');
	const char *name = slash ? slash + 1 : shell;

	return strcmp(name, "nologin") == 0 || strcmp(name, "false") == 0 ||
	       strcmp(name, "true") == 0;
}

bool account_group_is_root(const char *group, gid_t gid)
{
	static const char *const groups[] = {"root", "disk", "kmem", "shadow", "docker", "lxd",
		"incus-admin", "libvirt", "libvirtd", "wheel", "sudo", "admin"};

	for (size_t i = 0; i < N_ELEMENTS(groups); i++)
		if (strcmp(group, groups[i]) == 0)
			return true;
	return gid == 0;
}

static bool is_in(const struct identity *identity, gid_t gid)
{
	bool found = identity->gid == gid;

	for (size_t i = 0; i < identity->n_groups && !found; i++)
		found = identity->groups[i] == gid;
	return found;
}

/* "disk, docker": new; NULL if there is none. */
static char *groups_of_root(const struct identity *identity, size_t *n)
{
	cleanup_file FILE *file = fopen("/etc/group", "re");
	const struct group *gr;
	char *names = NULL;

	*n = 0;
	while (file && (gr = fgetgrent(file)) != NULL) {
		if (!account_group_is_root(gr->gr_name, gr->gr_gid) || !is_in(identity, gr->gr_gid))
			continue;
		cleanup_free char *before = names;
		names = before ? xasprintf("%s, %s", before, gr->gr_name) : xstrdup(gr->gr_name);
		++*n;
	}
	return names;
}

char *account_power(const struct identity *identity)
{
	size_t n = 0;
	cleanup_free char *groups = identity->uid == 0 ? NULL : groups_of_root(identity, &n);

	if (!groups)
		return NULL;
	bool logs_in = identity->has_account && !account_cannot_log_in(identity->shell);
	return xasprintf("%sis in the %s %s, %s good as root",
		logs_in ? "is a person, who can log in, and " : "", n > 1 ? "groups" : "group",
		groups, n > 1 ? "each as" : "as");
}
