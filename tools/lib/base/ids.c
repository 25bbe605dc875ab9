/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/ids.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/idspec.h"
#include "base/log.h"
#include "base/shell_word.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An entry that is larger than this is an attack or a broken database. */
#define MAX_ENTRY ((size_t)16 * 1024 * 1024)

void identity_free(struct identity *identity)
{
	free(identity->groups);
	free(identity->user);
	free(identity->group);
	free(identity->home);
	free(identity->shell);
	*identity = (struct identity){0};
}

static char *copy_text(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

struct identity identity_copy(const struct identity *identity)
{
	struct identity copy = *identity;

	copy.groups = xcalloc(copy.n_groups, sizeof *copy.groups);
	for (size_t i = 0; i < copy.n_groups; i++)
		copy.groups[i] = identity->groups[i];
	copy.user = copy_text(identity->user);
	copy.group = copy_text(identity->group);
	copy.home = copy_text(identity->home);
	copy.shell = copy_text(identity->shell);
	return copy;
}

struct identity identity_lent(uid_t id)
{
	return (struct identity){.uid = id,
		.gid = (gid_t)id,
		.user = xasprintf("%u", id),
		.group = xasprintf("%u", id),
		.is_lent = true};
}

char *identity_label(const struct identity *identity)
{
	return xasprintf("%s%s:%s%s", identity->has_account ? "" : "+", identity->user,
		identity->has_group ? "" : "+", identity->group);
}

/* What is asked of a database. */
struct question {
	enum { USERS, GROUPS } database;
	const char *name; /* NULL: by id */
	uint32_t id;
	const char *origin;
};

/* An entry, and what holds its strings. */
struct entry {
	struct passwd pw;
	struct group gr;
	char *buffer;
};

static void cleanup_entry_(struct entry *entry)
{
	free(entry->buffer);
}

#define cleanup_entry __attribute__((cleanup(cleanup_entry_)))

static void fail(const struct question *q, int number, char **error)
{
	bool is_user = q->database == USERS;

	errno = number;
	if (q->name)
		error_set_errno(error,
			"%s: cannot look up \"%s\" in the %s database; try: getent %s %s",
			q->origin, q->name, is_user ? "user" : "group",
			is_user ? "passwd" : "group", q->name);
	else
		error_set_errno(error, "%s: cannot look up id %u in the %s database", q->origin,
			q->id, is_user ? "user" : "group");
}

/* 1 and *entry, whose buffer is new also in the other cases; 0: there is none; -1 and *error. */
static int look_up(const struct question *q, struct entry *entry, char **error)
{
	struct passwd *pw = NULL;
	struct group *gr = NULL;
	int number = ERANGE;

	*entry = (struct entry){0};
	/* getpwnam_r(3) returns 0 without an entry where there is none. */
	for (size_t size = 1024; number == ERANGE && size <= MAX_ENTRY; size *= 2) {
		char *buffer = entry->buffer = xreallocarray(entry->buffer, size, 1);
		do {
			if (q->database == USERS)
				number =
					q->name ? getpwnam_r(q->name, &entry->pw, buffer, size, &pw)
						: getpwuid_r(q->id, &entry->pw, buffer, size, &pw);
			else
				number =
					q->name ? getgrnam_r(q->name, &entry->gr, buffer, size, &gr)
						: getgrgid_r(q->id, &entry->gr, buffer, size, &gr);
		} while (number == EINTR);
	}
	if (number) {
		fail(q, number, error);
		return -1;
	}
	return pw || gr;
}

/* What helps where there is no such name: only the package's can come from its sysusers.d. */
static char *hint_for(const struct question *q, const char *name)
{
	bool is_user = q->database == USERS;
	bool is_ours = strcmp(name, "qemu") == 0 || (!is_user && strcmp(name, "kvm") == 0);
	cleanup_free char *word = shell_word(name);

	if (is_ours)
		return xasprintf("to create the %s of the package: systemd-sysusers",
			is_user ? "account" : "group");
	/* An option stands above qemu.conf, which only counts without it. */
	cleanup_free char *other =
		*q->origin == '-'
			? xasprintf("to use that of qemu.conf, leave out %s (virt-priv-conf "
				    "show)",
				  q->origin)
			: xasprintf("to use that of the package: virt-priv-conf set %s qemu",
				  is_user ? "user" : "group");
	return xasprintf("%s; to create it: %s %s", other,
		is_user ? "useradd --system --user-group --shell /sbin/nologin"
			: "groupadd --system",
		word);
}

/*
 * By name, then by number, as spec says. 1 and *entry; 0: no entry has that number, and *id is
 * it; -1 and *error.
 */
static int find(const char *spec, struct question *q, struct entry *entry, char **error)
{
	cleanup_free char *why = NULL;
	struct idspec parsed;
	int found = 0;

	if (!idspec_parse(spec, &parsed, &why)) {
		error_set(error, "%s: %s", q->origin, why);
		return -1;
	}
	*entry = (struct entry){0};
	q->name = parsed.name;
	q->id = parsed.id;
	if (!parsed.forced_numeric)
		found = look_up(q, entry, error);
	if (found)
		return found;
	if (!parsed.numeric) {
		cleanup_free char *hint = hint_for(q, spec);
		error_set(error, "%s: %s \"%s\" does not exist; %s", q->origin,
			q->database == USERS ? "user" : "group", spec, hint);
		return -1;
	}
	free(entry->buffer);
	q->name = NULL;
	return look_up(q, entry, error);
}

/* setresuid(2) and chown(2) take it for "leave as it is". */
static bool refuse_no_id(uint32_t id, const char *spec, const struct question *q, char **error)
{
	const char *kind = q->database == USERS ? "user" : "group";

	if (id != UINT32_MAX)
		return true;
	return error_set(error, "%s: %s \"%s\" has the invalid %cid 4294967295", q->origin, kind,
		spec, *kind);
}

bool ids_user(const char *spec, const char *origin, struct identity *identity, char **error)
{
	struct question q = {.database = USERS, .origin = origin};
	cleanup_entry struct entry entry = {0};
	int found = find(spec, &q, &entry, error);

	*identity = (struct identity){.uid = found > 0 ? entry.pw.pw_uid : q.id};
	if (found < 0 || !refuse_no_id(identity->uid, spec, &q, error))
		return false;
	identity->has_account = found;
	if (found) {
		identity->user = xstrdup(entry.pw.pw_name);
		identity->gid = entry.pw.pw_gid;
		identity->home = xstrdup(entry.pw.pw_dir);
		identity->shell = xstrdup(entry.pw.pw_shell);
	} else {
		identity->user = xasprintf("%u", identity->uid);
	}
	return true;
}

bool ids_group(const char *spec, const char *origin, struct identity *identity, char **error)
{
	struct question q = {.database = GROUPS, .origin = origin};
	cleanup_entry struct entry entry = {0};
	int found = find(spec, &q, &entry, error);

	if (found < 0)
		return false;
	identity->gid = found ? entry.gr.gr_gid : q.id;
	if (!refuse_no_id(identity->gid, spec, &q, error))
		return false;
	identity->has_group = found;
	identity->group = found ? xstrdup(entry.gr.gr_name) : xasprintf("%u", identity->gid);
	return true;
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

bool ids_groups(struct identity *identity, char **error)
{
	int room = 32;

	if (!identity->has_account)
		return true;
	for (;;) {
		int n = room;
		identity->groups = xreallocarray(identity->groups, (size_t)room, sizeof(gid_t));
		if (getgrouplist(identity->user, identity->gid, identity->groups, &n) >= 0) {
			identity->n_groups = sort_unique(identity->groups, (size_t)n);
			return true;
		}
		/* NGROUPS_MAX of the kernel; more could not be set anyway. */
		if (room >= 65536)
			return error_set(error,
				"cannot list the groups of user %s: more than 65536",
				identity->user);
		room = n > room ? n : room * 2;
	}
}

bool ids_group_list(const char *list, const char *origin, struct identity *identity, char **error)
{
	cleanup_free char *copy = xstrdup(list);
	char *rest = copy;
	size_t n = 0;

	while (*list && rest) {
		struct identity one = {0};
		bool good = ids_group(strsep(&rest, ","), origin, &one, error);
		ARRAY_GROW(identity->groups, n);
		identity->groups[n++] = one.gid;
		identity_free(&one);
		if (!good)
			return false;
	}
	identity->n_groups = n ? sort_unique(identity->groups, n) : 0;
	return true;
}

bool ids_identity(const char *user, const char *group, const char *origin,
	struct identity *identity, char **error)
{
	cleanup_free char *user_origin = xasprintf("%s: user", origin);
	cleanup_free char *group_origin = xasprintf("%s: group", origin);

	return ids_user(user, user_origin, identity, error) &&
	       ids_group(group, group_origin, identity, error) && ids_groups(identity, error);
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
