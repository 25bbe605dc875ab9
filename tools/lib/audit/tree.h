/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host that is audited: this one, or a tree of files that was made to look like one
 * (--root). Every fact comes through here, so that none of this host gets into the audit
 * of a tree: links within a tree lead nowhere out of it. Private to audit/.
 */
#pragma once

#include "path/look.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* A file of the host's that is asked for with every process. */
struct tree_file {
	const char *path;
	char *text;
	int number;
	struct tree_file *next;
};

/* What tree_user_name() and tree_account_name() have said. */
struct tree_name {
	uid_t uid;
	char *name; /* NULL: it has none */
	struct tree_name *next;
};

struct audit_tree {
	const char *root;	  /* as it was given; NULL: this host */
	int fd;			  /* of its root directory */
	int proc;		  /* of its /proc */
	struct tree_file *files;  /* that were read once */
	struct tree_name **names; /* the first of those that were looked up */
	char *own_user_ns;	  /* NULL: not told, or not read yet */
};

/*
 * False and a new *error where there is no such tree, or no /proc in it. tree_close() releases
 * *tree, then too.
 */
bool tree_open(struct audit_tree *tree, const char *root, char **error);
void tree_close(struct audit_tree *tree);

/*
 * On this host, nothing here that leads to an object of a file system of somebody else's waits
 * for that (look.h): errno is ATTEMPT_SILENT where it gave no answer.
 */

/*
 * open(2) below directory, which is of the tree's /proc. In a tree that was made, symbolic links
 * are followed within it.
 */
int tree_openat(const struct audit_tree *tree, int directory, const char *path, int flags);

/* The same for an absolute path; without O_PATH, of a file that nobody but the kernel serves. */
int tree_open_path(const struct audit_tree *tree, const char *path, int flags);

/* The names in the directory of an absolute path, each ends with a NUL: new. NULL and errno. */
char *tree_names(const struct audit_tree *tree, const char *path, size_t *length);

/* stat(2) of an absolute path; the last component is not followed if flags say so. */
bool tree_stat(const struct audit_tree *tree, const char *path, struct stat *st, int flags);

/*
 * stat(2) through a link of /proc: the very object on this host, whatever became of its
 * name; what the link's text names within a tree.
 */
bool tree_stat_link(
	const struct audit_tree *tree, int directory, const char *link, struct stat *st);

/* look_all() of paths of the tree. */
void tree_look_all(const struct audit_tree *tree, struct look_wanted *all, size_t n,
	bool (*wants_acl)(const struct stat *st));

/*
 * A file as text, new, with a NUL behind its *length bytes (length may be NULL). NULL and
 * errno where it can't be read, EFBIG where it is longer than TREE_MAX_FILE.
 */
#define TREE_MAX_FILE ((size_t)4 * 1024 * 1024)
char *tree_read_at(const struct audit_tree *tree, int directory, const char *path, size_t *length);
char *tree_read(const struct audit_tree *tree, const char *path, size_t *length);

/*
 * The same of a file of a process that the kernel writes at once, with its memory let alone: where
 * that is short, the read(2) that would only say so is left out.
 */
char *tree_read_proc(const struct audit_tree *tree, int directory, const char *path);

/* The same, read the first time only; the tree owns the text, and path must stay valid. */
const char *tree_read_once(struct audit_tree *tree, const char *path);

/* What a symbolic link says, new; NULL and errno. */
char *tree_link(int directory, const char *link);

/* "user:[NUMBER]" of the auditor, which the tree owns; NULL and errno. Read once. */
const char *tree_own_user_ns(struct audit_tree *tree);

/* "root (0)", or the number of an account without a name. New. Name services are asked once. */
char *tree_user_name(const struct audit_tree *tree, uid_t uid);
/* The same without the number; NULL: it has no name, or that can't be told. New. */
char *tree_account_name(const struct audit_tree *tree, uid_t uid);
char *tree_group_name(const struct audit_tree *tree, gid_t gid);

struct tree_account {
	uid_t uid;
	gid_t gid;
	char *name, *shell, *comment; /* NULL: a number without an account */
	/* NULL until tree_find_groups(): supplementary ones with the primary one. */
	gid_t *groups;
	size_t n_groups;
};

/*
 * Who a user of qemu.conf is: 1 and *account, which tree_account_free() releases; 0 if
 * there is no such account; -1 and errno if the database gives no answer.
 */
int tree_find_user(const struct audit_tree *tree, const char *spec, struct tree_account *account);
int tree_find_group(const struct audit_tree *tree, const char *spec, gid_t *gid);

/*
 * Its groups, unless they are there; none without an account. Every name service is asked for
 * them, which takes longer than all else that is asked of an account.
 */
void tree_find_groups(const struct audit_tree *tree, struct tree_account *account);

/*
 * Whether /etc/passwd itself has the user, so that usermod(8) can change it: 1 or 0, or -1 and
 * errno if the file cannot be read.
 */
int tree_user_is_local(const struct audit_tree *tree, const char *name);
void tree_account_free(struct tree_account *account);
