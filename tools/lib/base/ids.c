/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ids.h"

#include "base/cleanup.h"
#include "base/idspec.h"
#include "base/log.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry that is larger than this is an attack or a broken database. */
#define MAX_ENTRY ((size_t)16 * 1024 * 1024)

enum database { USERS, GROUPS };

/*
 * One look-up in one database, by name or (name == NULL) by id. *buffer is new
 * and holds the strings of the entry. getpwnam_r(3) returns 0 without an entry
 * where there is none; anything else is an error of the database.
 */
static bool look_up(enum database database, const char *name, uint32_t id, const char *origin,
	struct passwd *pw, struct group *gr, char **buffer)
{
	struct passwd *found_pw = NULL;
	struct group *found_gr = NULL;
	int error;

	*buffer = NULL;
	for (size_t size = 1024; size <= MAX_ENTRY; size *= 2) {
		*buffer = xreallocarray(*buffer, size, 1);
		do {
			if (database == USERS)
				error = name ? getpwnam_r(name, pw, *buffer, size, &found_pw)
					     : getpwuid_r(id, pw, *buffer, size, &found_pw);
			else
				error = name ? getgrnam_r(name, gr, *buffer, size, &found_gr)
					     : getgrgid_r(id, gr, *buffer, size, &found_gr);
		} while (error == EINTR);
		if (error != ERANGE)
			break;
	}
	if (error) {
		errno = error;
		if (name)
			die_errno("%s: cannot look up \"%s\" in the %s database; try: getent %s %s",
				origin, name, database == USERS ? "user" : "group",
				database == USERS ? "passwd" : "group", name);
		die_errno("%s: cannot look up id %u in the %s database", origin, id,
			database == USERS ? "user" : "group");
	}
	return database == USERS ? found_pw != NULL : found_gr != NULL;
}

static void parse_spec(const char *spec, const char *origin, struct idspec *parsed)
{
	cleanup_free char *error = NULL;

	if (!idspec_parse(spec, parsed, &error))
		die("%s: %s", origin, error);
}

void ids_user(const char *spec, const char *origin, struct account *account)
{
	cleanup_free char *buffer = NULL;
	struct idspec parsed;
	struct passwd pw;

	parse_spec(spec, origin, &parsed);
	bool found = !parsed.forced_numeric &&
		     look_up(USERS, parsed.name, 0, origin, &pw, NULL, &buffer);
	if (!found && !parsed.numeric)
		die("%s: there is no user \"%s\"; to create the package's account: "
		    "systemd-sysusers virt-privileges.conf",
			origin, spec);
	if (!found) {
		free(steal_pointer(&buffer));
		found = look_up(USERS, NULL, parsed.id, origin, &pw, NULL, &buffer);
	}
	*account = (struct account){.uid = found ? pw.pw_uid : parsed.id};
	if (found) {
		account->name = xstrdup(pw.pw_name);
		account->gid = pw.pw_gid;
		account->home = xstrdup(pw.pw_dir);
		account->shell = xstrdup(pw.pw_shell);
	}
	/* setresuid(2) takes it for "leave as it is". */
	if (account->uid == (uid_t)-1)
		die("%s: user \"%s\" has the uid 4294967295, which is no user", origin, spec);
}

void account_free(struct account *account)
{
	free(account->name);
	free(account->home);
	free(account->shell);
	*account = (struct account){0};
}

gid_t ids_group(const char *spec, const char *origin, char **name)
{
	cleanup_free char *buffer = NULL;
	struct idspec parsed;
	struct group gr;

	parse_spec(spec, origin, &parsed);
	bool found = !parsed.forced_numeric &&
		     look_up(GROUPS, parsed.name, 0, origin, NULL, &gr, &buffer);
	if (!found && !parsed.numeric)
		die("%s: there is no group \"%s\"; to create the package's group: "
		    "systemd-sysusers virt-privileges.conf",
			origin, spec);
	if (!found) {
		free(steal_pointer(&buffer));
		found = look_up(GROUPS, NULL, parsed.id, origin, NULL, &gr, &buffer);
	}
	*name = found ? xstrdup(gr.gr_name) : NULL;
	gid_t gid = found ? gr.gr_gid : parsed.id;
	if (gid == (gid_t)-1)
		die("%s: group \"%s\" has the gid 4294967295, which is no group", origin, spec);
	return gid;
}

static int compare_gid(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a;
	gid_t y = *(const gid_t *)b;
	return (x > y) - (x < y);
}

static size_t sort_unique(gid_t *groups, size_t n)
{
	size_t kept = 0;

	qsort(groups, n, sizeof *groups, compare_gid);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || groups[i] != groups[i - 1])
			groups[kept++] = groups[i];
	return kept;
}

size_t ids_groups_of(const struct account *account, gid_t gid, gid_t **groups)
{
	int room = 32;

	*groups = NULL;
	if (!account->name)
		return 0;
	for (;;) {
		int n = room;
		*groups = xreallocarray(*groups, (size_t)room, sizeof(gid_t));
		if (getgrouplist(account->name, gid, *groups, &n) >= 0)
			return sort_unique(*groups, (size_t)n);
		/* NGROUPS_MAX of the kernel; more could not be set anyway. */
		if (room >= 65536)
			die("cannot list the groups of user %s: more than 65536", account->name);
		room = n > room ? n : room * 2;
	}
}

size_t ids_group_list(const char *list, const char *origin, gid_t **groups)
{
	cleanup_free char *copy = xstrdup(list);
	char *rest = copy;
	size_t n = 0;

	*groups = NULL;
	while (*list && rest) {
		cleanup_free char *name = NULL;
		char *item = strsep(&rest, ",");
		*groups = xreallocarray(*groups, n + 1, sizeof(gid_t));
		(*groups)[n++] = ids_group(item, origin, &name);
	}
	return n ? sort_unique(*groups, n) : 0;
}

char *ids_local_user(uid_t uid)
{
	cleanup_file FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *pw;

	while (file && (pw = fgetpwent(file)) != NULL)
		if (pw->pw_uid == uid)
			return xstrdup(pw->pw_name);
	return xasprintf("%u", uid);
}

char *ids_local_group(gid_t gid)
{
	cleanup_file FILE *file = fopen("/etc/group", "re");
	const struct group *gr;

	while (file && (gr = fgetgrent(file)) != NULL)
		if (gr->gr_gid == gid)
			return xstrdup(gr->gr_name);
	return xasprintf("%u", gid);
}
