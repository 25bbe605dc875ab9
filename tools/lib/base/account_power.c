/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/account_power.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Far more than any /etc/group has. */
#define MAX_SIZE ((size_t)16 * 1024 * 1024)

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

/* NAME:PASSWORD:GID:MEMBERS; the name ends at its colon. False: the line is none. */
static bool read_group(char *line, gid_t *gid)
{
	char *password = strchr(line, ':');
	char *number = password ? strchr(password + 1, ':') : NULL, *end;

	if (!number)
		return false;
	*password = '\0';
	*gid = (gid_t)strtoul(number + 1, &end, 10);
	return end > number + 1 && *end == ':';
}

/*
 * "disk, docker": new; NULL if there is none. Read at once: the C library seeks after each line.
 */
static char *groups_of_root(const struct identity *identity, size_t *n)
{
	cleanup_free char *text = io_read_file(AT_FDCWD, "/etc/group", MAX_SIZE, NULL);
	char *names = NULL, *rest = text;
	gid_t gid;

	*n = 0;
	for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (!read_group(line, &gid) || !is_in(identity, gid) ||
			!account_group_is_root(line, gid))
			continue;
		cleanup_free char *before = names;
		names = before ? xasprintf("%s, %s", before, line) : xstrdup(line);
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
