/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/access.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/ids.h"
#include "base/io.h"
#include "base/log.h"
#include "path/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The ids for file systems alone change and come back (setfsuid(2)): by the other ones, which stay
 * root's, the kernel judges whether somebody may trace or signal this process, or slow it
 * down (set_one_prio_perm() and check_same_owner() of kernel/ take its effective uid). With
 * them, the kernel takes away what capabilities give over files, and gives it back
 * (capabilities(7)).
 */
struct own_ids {
	gid_t gid;
	gid_t *groups;
	int n_groups;
	bool is_changed;
	bool has_caps; /* root's, which it is to be judged without */
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
};

/* By them, root is let in where nobody else is (capabilities(7)). */
#define CAPS_OVER_FILES (1U << CAP_DAC_OVERRIDE | 1U << CAP_DAC_READ_SEARCH)

/* Of this thread; both calls are the kernel's own, as glibc has none. False and errno. */
static bool drop_caps(struct own_ids *own)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct without[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, own->caps) < 0)
		return false;
	memcpy(without, own->caps, sizeof without);
	without[0].effective &= ~CAPS_OVER_FILES;
	own->has_caps = syscall(SYS_capset, &header, without) == 0;
	return own->has_caps;
}

static bool raise_caps(const struct own_ids *own)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return !own->has_caps || syscall(SYS_capset, &header, own->caps) == 0;
}

/* They tell what was before, and not whether they did it. */
static bool set_ids(uid_t uid, gid_t gid)
{
	errno = EPERM;
	setfsgid(gid);
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

/* False and errno. become_root_again() is due in any case. */
static bool become(const struct identity *identity, struct own_ids *own)
{
	*own = (struct own_ids){.gid = getegid(), .n_groups = getgroups(0, NULL)};
	if (own->n_groups < 0)
		return false;
	own->groups = xcalloc((size_t)own->n_groups, sizeof(gid_t));
	/* A user namespace may not let groups be set at all. */
	own->is_changed = getgroups(own->n_groups, own->groups) == own->n_groups &&
			  setgroups(identity->n_groups, identity->groups) == 0;
	return own->is_changed && set_ids(identity->uid, identity->gid) &&
	       (!identity->has_no_caps || drop_caps(own));
}

/* Root that is not root any more can't go on, not even to clean up. */
static void become_root_again(struct own_ids *own)
{
	bool good = raise_caps(own);

	if (good && own->is_changed)
		good = set_ids(0, own->gid) && setgroups((size_t)own->n_groups, own->groups) == 0;
	if (!good)
		die_errno("cannot become root again");
	free(own->groups);
}

/* Of what the account is asked for, as the account. */
struct question {
	const struct identity *identity;
	struct denials *denials;
	char **error;
};

static bool fail(const struct question *q, const char *path)
{
	return error_set_errno(
		q->error, "cannot determine whether %s may access %s", q->identity->user, path);
}

static bool is_immutable(int fd)
{
	struct statx stx;

	return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_IMMUTABLE);
}

/* Those of the wanted rights that the kernel denies, in *missing. False and errno. */
static bool ask(int fd, int wanted, int *missing)
{
	static const int rights[] = {R_OK, W_OK, X_OK};

	*missing = 0;
	for (size_t i = 0; i < N_ELEMENTS(rights); i++) {
		if (!(wanted & rights[i]) || IO_RETRY(syscall(SYS_faccessat2, fd, "", rights[i],
						     AT_EACCESS | AT_EMPTY_PATH)) == 0)
			continue;
		int number = errno;
		bool is_denied = number == EACCES || number == EROFS ||
				 (number == EPERM && is_immutable(fd));
		errno = number;
		if (!is_denied)
			return false;
		*missing |= rights[i];
	}
	return true;
}

static bool is_read_only(int fd)
{
	struct statvfs fs;

	return fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* An object that a walk went through twice, by a symbolic link, is named once. False and errno. */
static bool add_denial(
	struct denials *denials, int fd, const char *path, const struct stat *st, int missing)
{
	int all_missing;

	for (size_t i = 0; i < denials->n; i++)
		if (denials->all[i].st.st_dev == st->st_dev &&
			denials->all[i].st.st_ino == st->st_ino)
			return true;
	if (!ask(fd, R_OK | W_OK | X_OK, &all_missing))
		return false;
	ARRAY_GROW(denials->all, denials->n);
	denials->all[denials->n++] = (struct denial){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
		.path = xstrdup(path),
		.st = *st,
		.missing = missing,
		.has = (R_OK | W_OK | X_OK) & ~all_missing,
		.is_read_only = is_read_only(fd),
		.is_immutable = is_immutable(fd),
		.has_no_modes = mounts_is_ownerless(fd)};
	return true;
}

static bool is_searchable(const struct safepath_dir *dir, const struct identity *identity)
{
	return dir->searchable_by.is_known && dir->searchable_by.uid == identity->uid &&
	       dir->searchable_by.gid == identity->gid;
}

static bool ask_for_directory(const struct question *q, struct safepath_dir *dir)
{
	int missing;

	if (is_searchable(dir, q->identity))
		return true;
	if (!ask(dir->fd, X_OK, &missing))
		return fail(q, dir->path);
	if (missing && !add_denial(q->denials, dir->fd, dir->path, &dir->st, missing))
		return fail(q, dir->path);
	dir->searchable_by.is_known = !missing;
	dir->searchable_by.uid = q->identity->uid;
	dir->searchable_by.gid = q->identity->gid;
	return true;
}

static bool ask_for_object(const struct question *q, const struct safepath *walk, int wanted)
{
	int missing;

	if (!ask(walk->fd, wanted, &missing))
		return fail(q, walk->path);
	if (missing && !add_denial(q->denials, walk->fd, walk->path, &walk->st, missing))
		return fail(q, walk->path);
	return true;
}

static bool ask_for_all(const struct question *q, const struct safepath *walk, int wanted)
{
	for (size_t i = 0; i < walk->n_dirs; i++)
		if (!ask_for_directory(q, walk->dirs[i]))
			return false;
	return ask_for_object(q, walk, wanted);
}

static bool is_answered(const struct safepath *walk, int wanted, const struct identity *identity)
{
	bool is_answered = !wanted;

	for (size_t i = 0; i < walk->n_dirs && is_answered; i++)
		is_answered = is_searchable(walk->dirs[i], identity);
	/* Root is let in by capabilities, if it has them. */
	return is_answered || (identity->uid == 0 && !identity->has_no_caps);
}

bool access_denials(const struct safepath *walk, int wanted, const struct identity *identity,
	struct denials *denials, char **error)
{
	const struct question question = {identity, denials, error};
	struct own_ids own;

	*denials = (struct denials){0};
	if (is_answered(walk, wanted, identity))
		return true;
	bool good = become(identity, &own) ? ask_for_all(&question, walk, wanted)
					   : fail(&question, walk->path);
	become_root_again(&own);
	if (!good)
		access_free(denials);
	return good;
}

void access_free(struct denials *denials)
{
	for (size_t i = 0; i < denials->n; i++) {
		if (denials->all[i].fd >= 0)
			close(denials->all[i].fd);
		free(denials->all[i].path);
	}
	free(denials->all);
	*denials = (struct denials){0};
}

char *access_cause(const struct denial *d, const struct identity *identity)
{
	/* Asked for while the journals are locked. */
	cleanup_free char *owner = ids_local_user(d->st.st_uid);
	cleanup_free char *group = ids_local_group(d->st.st_gid);
	/* Indexed by R_OK (4), W_OK (2) and X_OK (1). */
	static const char *const files[8] = {"use", "execute", "write", "write or execute", "read",
		"read or execute", "read or write", "read, write or execute"};
	static const char *const directories[8] = {"use", "search", "write", "write or search",
		"read", "read or search", "read or write", "read, write or search"};
	const char *const *what = S_ISDIR(d->st.st_mode) ? directories : files;

	const char *where = d->is_immutable			     ? ", and immutable"
			    : (d->missing & W_OK) && d->is_read_only ? ", on a file system that is "
								       "mounted read-only"
								     : "";

	return xasprintf("%s is %04o %s:%s%s: %s may not %s it", d->path, d->st.st_mode & 07777,
		owner, group, where, identity->user, what[d->missing & 7]);
}
