/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/command.h"

#include "base/cleanup.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/shell_word.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool command_is_fixed(const struct safepath *walk, uid_t owner)
{
	if (walk->unsafe_before)
		return false;
	for (size_t i = 0; i < walk->n_links; i++)
		if (walk->links[i].owner != owner)
			return false;
	for (size_t i = 0; i < walk->n_dirs; i++) {
		const struct stat *next = i + 1 < walk->n_dirs ? &walk->dirs[i + 1]->st : &walk->st;
		struct trust_report report;
		bool stays = trust_allows(TRUST_PLACED, &walk->dirs[i]->writers, owner, &report) ||
			     /* What is root's, or the owner's, nobody else can rename there. */
			     (report.adds_only && (next->st_uid == 0 || next->st_uid == owner));
		if (!stays)
			return false;
	}
	return true;
}

/* Walks to the path, or, if there is none, to the directory above that is there. */
static bool reach(const char *path, struct safepath *walk, bool *is_new)
{
	cleanup_free char *there = xstrdup(path);

	for (*is_new = false;; *is_new = true) {
		cleanup_free char *ignored = NULL;
		if (safepath_open(there, walk, &ignored))
			return true;
		char *slash = strrchr(there, '/');
		if (errno != ENOENT || !slash || !there[1])
			return false;
		slash[slash == there] = '\0';
	}
}

/* What root or the owner creates in the directory that the walk has come to stays there. */
static bool is_kept(const struct safepath *walk, uid_t owner)
{
	struct trust_facts writers = trust_read(walk->fd, &walk->st);
	bool is = trust_allows(TRUST_PLACED, &writers, owner, NULL);

	trust_free(&writers);
	return is && S_ISDIR(walk->st.st_mode);
}

/* is_new: what is meant is to be created there. */
static char *before(const struct safepath *walk, bool is_new)
{
	uid_t owner = walk->st.st_uid;

	if (command_is_fixed(walk, 0) && (!is_new || is_kept(walk, 0)))
		return xstrdup("");
	if (owner == 0 || !command_is_fixed(walk, owner) || (is_new && !is_kept(walk, owner)))
		return NULL;
	cleanup_free char *user = ids_local_user(owner);
	cleanup_free char *word = shell_word(user);
	return xasprintf("virt-priv-exec -u %s -- ", word);
}

char *command_before(const struct safepath *walk)
{
	return before(walk, false);
}

char *command_as(const char *path)
{
	struct safepath walk;
	bool is_new;

	if (!reach(path, &walk, &is_new))
		return NULL;
	char *text = before(&walk, is_new);
	safepath_close(&walk);
	return text;
}

char *command_on(const char *what, const char *path)
{
	cleanup_free char *as = command_as(path);
	cleanup_free char *word = shell_word(path);

	return as ? xasprintf("%s%s %s", as, what, word) : NULL;
}

char *command_of_root(const char *what, const char *path)
{
	cleanup_free char *as = command_as(path);
	cleanup_free char *word = shell_word(path);

	return as && !*as ? xasprintf("%s %s", what, word) : NULL;
}
