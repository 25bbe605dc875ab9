/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/access.h"

#include "base/cleanup.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/shell_word.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

void identity_look_up(
	struct identity *identity, const char *user, const char *group, const char *origin)
{
	cleanup_free char *user_origin = xasprintf("%s: user", origin);
	cleanup_free char *group_origin = xasprintf("%s: group", origin);
	struct account account;
	char *name;

	ids_user(user, user_origin, &account);
	*identity = (struct identity){.uid = account.uid};
	identity->gid = ids_group(group, group_origin, &name);
	identity->n_groups = ids_groups_of(&account, identity->gid, &identity->groups);
	identity->user = account.name ? xstrdup(account.name) : xasprintf("%u", account.uid);
	identity->group = name ? name : xasprintf("%u", identity->gid);
	account_free(&account);
}

void identity_free(struct identity *identity)
{
	free(identity->groups);
	free(identity->user);
	free(identity->group);
	*identity = (struct identity){0};
}

/*
 * The ids for file systems alone change and come back (setfsuid(2)): by the other ones, which stay
 * root's, the kernel judges whether somebody may trace or signal this process, or slow it
 * down (set_one_prio_perm() and check_same_owner() of kernel/ take its effective uid). With
 * them, the kernel takes away what capabilities give over files, and gives it back
 * (capabilities(7)).
 */
static struct {
	gid_t gid;
	gid_t *groups;
	int n_groups;
	bool is_changed;
} before;

/* They tell what was before, and not whether they did it. */
static bool set_ids(uid_t uid, gid_t gid)
{
	errno = EPERM;
	setfsgid(gid);
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

static bool become(const struct identity *identity)
{
	before.gid = getegid();
	before.is_changed = false;
	before.n_groups = getgroups(0, NULL);
	if (before.n_groups < 0)
		return false;
	before.groups = xcalloc((size_t)before.n_groups, sizeof(gid_t));
	/* A user namespace may not let groups be set at all. */
	before.is_changed = getgroups(before.n_groups, before.groups) == before.n_groups &&
			    setgroups(identity->n_groups, identity->groups) == 0;
	return before.is_changed && set_ids(identity->uid, identity->gid);
}

static void come_back(void)
{
	if (before.is_changed &&
		(!set_ids(0, before.gid) || setgroups((size_t)before.n_groups, before.groups) < 0))
		die_errno("can't become root again");
	free(before.groups);
	before.groups = NULL;
}

/* 1 or 0; -1 and errno where there is no answer. */
static int is_allowed(int fd, int wanted)
{
	int result;

	do
		result = (int)syscall(SYS_faccessat2, fd, "", wanted, AT_EACCESS | AT_EMPTY_PATH);
	while (result < 0 && errno == EINTR);
	return result == 0 ? 1 : errno == EACCES || errno == EROFS ? 0 : -1;
}

static void add(struct denial **out, size_t *n, int fd, const char *path, const struct stat *st,
	int missing)
{
	for (size_t i = 0; i < *n; i++)
		if ((*out)[i].st.st_dev == st->st_dev && (*out)[i].st.st_ino == st->st_ino)
			return;
	*out = xreallocarray(*out, *n + 1, sizeof **out);
	(*out)[(*n)++] =
		(struct denial){fcntl(fd, F_DUPFD_CLOEXEC, 3), xstrdup(path), *st, missing};
}

size_t access_denials(const struct safepath *walk, int wanted, const struct identity *identity,
	struct denial **out, char **error)
{
	static const int bits[] = {R_OK, W_OK, X_OK};
	/* The disks of a VM mostly lie next to each other: their way is asked for once. */
	static unsigned long open_way;
	static uid_t open_uid;
	static gid_t open_gid;
	const char *unknown = NULL;
	size_t n = 0;
	int missing = 0;

	*out = NULL;
	*error = NULL;
	if (identity->uid == 0)
		return 0;
	bool is_open =
		open_way == walk->way && open_uid == identity->uid && open_gid == identity->gid;
	if (is_open && !wanted)
		return 0;
	open_way = 0;
	int number = 0;
	if (!become(identity)) {
		unknown = walk->path;
		number = errno;
	}
	for (size_t i = 0; !unknown && !is_open && i < walk->n_dirs; i++) {
		int allowed = is_allowed(walk->dirs[i].fd, X_OK);
		if (allowed < 0) {
			unknown = walk->dirs[i].path;
			number = errno;
		} else if (!allowed) {
			add(out, &n, walk->dirs[i].fd, walk->dirs[i].path, &walk->dirs[i].st, X_OK);
		}
	}
	for (size_t i = 0; !unknown && i < sizeof bits / sizeof *bits; i++) {
		int allowed = wanted & bits[i] ? is_allowed(walk->fd, bits[i]) : 1;
		if (allowed < 0) {
			unknown = walk->path;
			number = errno;
		} else if (!allowed) {
			missing |= bits[i];
		}
	}
	come_back();
	if (unknown) {
		*error = xasprintf("can't tell whether %s may access %s: %s", identity->user,
			unknown, strerror(number));
		return n;
	}
	if (n == 0) {
		open_way = walk->way;
		open_uid = identity->uid;
		open_gid = identity->gid;
	}
	if (missing)
		add(out, &n, walk->fd, walk->path, &walk->st, missing);
	return n;
}

void access_free(struct denial *denials, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (denials[i].fd >= 0)
			close(denials[i].fd);
		free(denials[i].path);
	}
	free(denials);
}

char *access_cause(const struct denial *d, const struct identity *identity)
{
	/* Asked for while the journals are locked. */
	cleanup_free char *owner = ids_local_user(d->st.st_uid);
	cleanup_free char *group = ids_local_group(d->st.st_gid);
	/* Indexed by R_OK (4), W_OK (2) and X_OK (1). */
	static const char *const what[8] = {"use", "search", "write", "write or search", "read",
		"read or search", "read or write", "read, write or search"};

	return xasprintf("%s is %04o %s:%s: %s may not %s it", d->path, d->st.st_mode & 07777,
		owner, group, identity->user, what[d->missing & 7]);
}

char *access_explain(const struct denial *d, const struct identity *identity)
{
	/* As above; what can be written is mostly read too. */
	static const char *const bits[8] = {"r", "x", "rw", "rwx", "r", "rx", "rw", "rwx"};
	cleanup_free char *cause = access_cause(d, identity);
	cleanup_free char *word = shell_word(d->path);

	return xasprintf(
		"%s; setfacl -m u:%s:%s %s", cause, identity->user, bits[d->missing & 7], word);
}
