/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/command.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Walks to the path, or, if there is none, to the directory above that is there. A symbolic link
 * that leads to nothing is no such: what is created by its name is created elsewhere.
 */
static bool reach(const char *path, struct safepath *walk, bool *is_new)
{
	cleanup_free char *there = xstrdup(path);

	for (*is_new = false;; *is_new = true) {
		cleanup_free char *ignored = NULL;
		if (safepath_open(there, walk, &ignored))
			return true;
		bool is_missing = errno == ENOENT;
		char *slash = strrchr(there, '/');
		struct stat st;
		if (!is_missing || !slash || !there[1] || lstat(there, &st) == 0)
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

/* What is to stand before a command that creates something in the directory of the walk. */
static char *before_new(const struct safepath *walk)
{
	uid_t owner = is_kept(walk, 0) ? 0 : walk->st.st_uid;

	return is_kept(walk, owner) && safepath_is_fixed(walk, owner) ? safepath_as(owner) : NULL;
}

char *command_as(const char *path)
{
	struct safepath walk;
	bool is_new;

	if (!reach(path, &walk, &is_new))
		return NULL;
	char *text = is_new ? before_new(&walk) : safepath_command(&walk);
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
