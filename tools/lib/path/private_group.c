/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/private_group.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <gshadow.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name of the one user whose primary group it is, new; NULL: there is none, or another. */
static char *only_user(gid_t gid, uid_t uid)
{
	cleanup_file FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *pw;
	char *name = NULL;

	if (!file)
		return NULL;
	while (errno = 0, (pw = fgetpwent(file)) != NULL) {
		if (pw->pw_gid == gid && pw->pw_uid != uid) {
			free(name);
			return NULL;
		}
		if (pw->pw_gid == gid && !name)
			name = xstrdup(pw->pw_name);
	}
	if (errno && errno != ENOENT)
		free(steal_pointer(&name));
	return name;
}

static bool has_others(char *const *members, const char *name)
{
	for (; members && *members; members++)
		if (strcmp(*members, name) != 0)
			return true;
	return false;
}

static bool is_group_of(gid_t gid, const char *name)
{
	cleanup_file FILE *file = fopen("/etc/group", "re");
	const struct group *gr;
	bool found = false;

	if (!file)
		return false;
	while (errno = 0, (gr = fgetgrent(file)) != NULL) {
		if (gr->gr_gid != gid)
			continue;
		/* "x": the password is in gshadow; without one, nobody else is let in. */
		bool has_password = gr->gr_passwd && *gr->gr_passwd &&
				    !strchr("!*", *gr->gr_passwd) &&
				    strcmp(gr->gr_passwd, "x") != 0;
		if (strcmp(gr->gr_name, name) != 0 || has_others(gr->gr_mem, name) || has_password)
			return false;
		found = true;
	}
	return found && (errno == 0 || errno == ENOENT);
}

/* Whoever administers a group or knows its password makes himself a member. */
static bool is_closed(const char *name)
{
	cleanup_file FILE *file = fopen("/etc/gshadow", "re");
	const struct sgrp *gr;

	if (!file)
		return errno == ENOENT;
	while (errno = 0, (gr = fgetsgent(file)) != NULL)
		if (strcmp(gr->sg_namp, name) == 0 &&
			(has_others(gr->sg_adm, name) || has_others(gr->sg_mem, name) ||
				(*gr->sg_passwd && !strchr("!*", *gr->sg_passwd))))
			return false;
	return errno == 0 || errno == ENOENT;
}

/* Whether a line of nsswitch.conf(5) names nothing but services of local files. */
static bool names_local_alone(char *services)
{
	char *rest = services;

	services[strcspn(services, "#")] = '\0';
	for (const char *word; (word = strsep(&rest, " \t")) != NULL;)
		if (*word && *word != '[' && strcmp(word, "files") != 0 &&
			strcmp(word, "systemd") != 0)
			return false;
	return true;
}

static bool accounts_are_local(void)
{
	static const char *const databases[] = {"passwd:", "group:", "initgroups:"};
	size_t size;
	cleanup_free char *text = io_read_file(AT_FDCWD, "/etc/nsswitch.conf", SIZE_MAX, &size);
	char *rest = text;

	/* glibc's default is the files alone. */
	if (!text)
		return errno == ENOENT;
	/* What is behind a NUL counts for glibc. */
	if (strlen(text) < size)
		return false;
	for (char *p; (p = strsep(&rest, "\n")) != NULL;) {
		p += strspn(p, " \t");
		for (size_t i = 0; i < N_ELEMENTS(databases); i++) {
			size_t length = strlen(databases[i]);
			if (strncmp(p, databases[i], length) == 0 && !names_local_alone(p + length))
				return false;
		}
	}
	return true;
}

/* "USER:GROUP.membership", of any user (nss-systemd(8), systemd.io/GROUP_RECORD). */
static bool may_have_membership(const char *directory, const char *name)
{
	cleanup_free char *end = xasprintf(":%s.membership", name);
	cleanup_dir DIR *dir = opendir(directory);
	const struct dirent *d;

	if (!dir)
		return errno != ENOENT;
	while (errno = 0, (d = readdir(dir)) != NULL) {
		size_t length = strlen(d->d_name);
		if (length > strlen(end) && strcmp(d->d_name + length - strlen(end), end) == 0)
			return true;
	}
	return errno != 0;
}

static bool has_membership_files(const char *name)
{
	static const char *const directories[] = {
		"/etc/userdb", "/run/userdb", "/run/host/userdb", "/usr/lib/userdb"};

	for (size_t i = 0; i < N_ELEMENTS(directories); i++)
		if (may_have_membership(directories[i], name))
			return true;
	return false;
}

static bool look(gid_t gid, uid_t uid)
{
	cleanup_free char *name = only_user(gid, uid);

	return name && is_group_of(gid, name) && is_closed(name) && accounts_are_local() &&
	       !has_membership_files(name);
}

bool private_group(gid_t gid, uid_t uid)
{
	static struct {
		gid_t gid;
		uid_t uid;
		bool is_known, answer;
	} last;

	if (!last.is_known || last.gid != gid || last.uid != uid) {
		last.answer = look(gid, uid);
		last.gid = gid;
		last.uid = uid;
		last.is_known = true;
	}
	return last.answer;
}
