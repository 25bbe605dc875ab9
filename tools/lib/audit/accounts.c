/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The accounts of tree.h: those of the name service, or of the files in a tree. */
#include "audit/tree.h"

#include "base/cleanup.h"
#include "base/idspec.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static FILE *open_database(const struct audit_tree *tree, const char *path)
{
	cleanup_fd int fd = tree_open_path(tree, path, O_RDONLY);
	FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (file)
		steal_fd(&fd);
	return file;
}

/* The entry of that name or, name being NULL, of that id in /etc/passwd; errno as below. */
static const struct passwd *find_in_passwd_file(
	const struct audit_tree *tree, const char *name, uid_t uid)
{
	const struct passwd *pw;

	cleanup_file FILE *file = open_database(tree, "/etc/passwd");
	if (!file)
		return NULL;
	while ((pw = fgetpwent(file)) != NULL)
		if (name ? strcmp(pw->pw_name, name) == 0 : pw->pw_uid == uid)
			return pw;
	errno = ferror(file) ? EIO : 0;
	return NULL;
}

/*
 * The entry of that name or, name being NULL, of that id. NULL with errno 0 if there is
 * none: getpwnam(3) lists what C libraries put there instead.
 */
static const struct passwd *find_passwd(const struct audit_tree *tree, const char *name, uid_t uid)
{
	const struct passwd *pw;

	if (!tree->root) {
		errno = 0;
		pw = name ? getpwnam(name) : getpwuid(uid);
		if (!pw && (errno == ENOENT || errno == ESRCH))
			errno = 0;
		return pw;
	}
	return find_in_passwd_file(tree, name, uid);
}

static const struct group *find_group(const struct audit_tree *tree, const char *name, gid_t gid)
{
	const struct group *gr;

	if (!tree->root) {
		errno = 0;
		gr = name ? getgrnam(name) : getgrgid(gid);
		if (!gr && (errno == ENOENT || errno == ESRCH))
			errno = 0;
		return gr;
	}
	cleanup_file FILE *file = open_database(tree, "/etc/group");
	if (!file)
		return NULL;
	while ((gr = fgetgrent(file)) != NULL)
		if (name ? strcmp(gr->gr_name, name) == 0 : gr->gr_gid == gid)
			return gr;
	errno = ferror(file) ? EIO : 0;
	return NULL;
}

/* Many VMs run as one user. Where no answer came, it is asked again. */
static const char *find_name(const struct audit_tree *tree, uid_t uid)
{
	struct tree_name *known = *tree->names;

	while (known && known->uid != uid)
		known = known->next;
	if (known)
		return known->name;
	const struct passwd *pw = find_passwd(tree, NULL, uid);
	if (!pw && errno)
		return NULL;
	known = xmalloc(sizeof *known);
	*known = (struct tree_name){uid, pw ? xstrdup(pw->pw_name) : NULL, *tree->names};
	*tree->names = known;
	return known->name;
}

char *tree_user_name(const struct audit_tree *tree, uid_t uid)
{
	const char *name = find_name(tree, uid);

	return name ? xasprintf("%s (%u)", name, uid) : xasprintf("%u", uid);
}

char *tree_account_name(const struct audit_tree *tree, uid_t uid)
{
	const char *name = find_name(tree, uid);

	return name ? xstrdup(name) : NULL;
}

char *tree_group_name(const struct audit_tree *tree, gid_t gid)
{
	const struct group *gr = find_group(tree, NULL, gid);

	return gr ? xasprintf("%s (%u)", gr->gr_name, gid) : xasprintf("%u", gid);
}

static void add_group(struct tree_account *account, gid_t gid)
{
	account->groups =
		xreallocarray(account->groups, account->n_groups + 1, sizeof *account->groups);
	account->groups[account->n_groups++] = gid;
}

static int by_id(const void *a, const void *b)
{
	gid_t x = *(const gid_t *)a, y = *(const gid_t *)b;

	return (x > y) - (x < y);
}

/* Ascending and each once, as creds.h wants them. */
static void sort_groups(struct tree_account *account)
{
	size_t n = 0;

	qsort(account->groups, account->n_groups, sizeof *account->groups, by_id);
	for (size_t i = 0; i < account->n_groups; i++)
		if (n == 0 || account->groups[n - 1] != account->groups[i])
			account->groups[n++] = account->groups[i];
	account->n_groups = n;
}

static void find_groups(const struct audit_tree *tree, struct tree_account *account)
{
	const struct group *gr;

	if (!tree->root) {
		int n = 64;
		account->groups = xcalloc((size_t)n, sizeof(gid_t));
		while (getgrouplist(account->name, account->gid, account->groups, &n) < 0)
			account->groups = xreallocarray(account->groups, (size_t)n, sizeof(gid_t));
		account->n_groups = (size_t)n;
		return;
	}
	add_group(account, account->gid);
	cleanup_file FILE *file = open_database(tree, "/etc/group");
	while (file && (gr = fgetgrent(file)) != NULL)
		for (char **member = gr->gr_mem; *member; member++)
			if (strcmp(*member, account->name) == 0)
				add_group(account, gr->gr_gid);
}

int tree_find_user(const struct audit_tree *tree, const char *spec, struct tree_account *account)
{
	cleanup_free char *error = NULL;
	struct idspec id;
	const struct passwd *pw;

	*account = (struct tree_account){0};
	if (!idspec_parse(spec, &id, &error)) {
		errno = EINVAL;
		return -1;
	}
	pw = find_passwd(tree, id.name, id.id);
	if (!pw && errno)
		return -1;
	/* Digits that are no name are an id, which need not have an account. */
	if (!pw && id.name && id.numeric) {
		pw = find_passwd(tree, NULL, id.id);
		if (!pw && errno)
			return -1;
	}
	if (!pw && !id.numeric)
		return 0;
	account->uid = pw ? pw->pw_uid : id.id;
	if (!pw)
		return 1;
	account->gid = pw->pw_gid;
	account->name = xstrdup(pw->pw_name);
	account->shell = xstrdup(pw->pw_shell ? pw->pw_shell : "");
	account->comment = xstrdup(pw->pw_gecos ? pw->pw_gecos : "");
	return 1;
}

void tree_find_groups(const struct audit_tree *tree, struct tree_account *account)
{
	if (!account->name || account->groups)
		return;
	find_groups(tree, account);
	sort_groups(account);
}

int tree_user_is_local(const struct audit_tree *tree, const char *name)
{
	errno = 0;
	if (find_in_passwd_file(tree, name, 0))
		return 1;
	return errno && errno != ENOENT ? -1 : 0;
}

int tree_find_group(const struct audit_tree *tree, const char *spec, gid_t *gid)
{
	cleanup_free char *error = NULL;
	struct idspec id;
	const struct group *gr;

	if (!idspec_parse(spec, &id, &error)) {
		errno = EINVAL;
		return -1;
	}
	gr = id.name ? find_group(tree, id.name, 0) : NULL;
	if (!gr && id.name && errno)
		return -1;
	if (!gr && !id.numeric)
		return 0;
	*gid = gr ? gr->gr_gid : id.id;
	return 1;
}

void tree_account_free(struct tree_account *account)
{
	free(account->name);
	free(account->shell);
	free(account->comment);
	free(account->groups);
	*account = (struct tree_account){0};
}
