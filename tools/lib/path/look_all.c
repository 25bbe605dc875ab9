/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "path/look.h"
#include "path/look_now.h"
#include "path/posix_acl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct looks {
	int directory;
	struct look_wanted *all;
	const size_t *asked; /* those for a child */
	bool (*wants_acl)(const struct stat *st);
};

static void set_acl(struct look_wanted *wanted, const char *acl, ssize_t n)
{
	wanted->acl_number = n < 0 ? errno : 0;
	if (n < 0)
		return;
	wanted->acl = xmalloc((size_t)n + 1);
	wanted->acl_length = (size_t)n;
	memcpy(wanted->acl, acl, (size_t)n);
}

static void read_acl(struct look_wanted *wanted, int fd)
{
	char acl[LOOK_MAX_ACL] = "";
	ssize_t n = look_now_xattr(fd, POSIX_ACL_ACCESS, acl, sizeof acl);

	set_acl(wanted, acl, n);
}

void look_fd(int fd, struct look_wanted *wanted, bool (*wants_acl)(const struct stat *st))
{
	char acl[LOOK_MAX_ACL] = "";

	wanted->number = look_stat_fd(fd, &wanted->st) ? 0 : errno;
	if (!wanted->number && wants_acl(&wanted->st))
		set_acl(wanted, acl, look_getxattr(fd, -1, POSIX_ACL_ACCESS, acl, sizeof acl));
}

/* Whether nobody has to be asked for it. */
static bool look_here(const struct looks *looks, struct look_wanted *wanted, bool is_local)
{
	bool nofollow = wanted->flags & AT_SYMLINK_NOFOLLOW;

	/* As walk_local() would come to it, without a descriptor. */
	if (is_local && nofollow && !strchr(wanted->path, '/')) {
		bool is_told = look_now_stat(
			looks->directory, wanted->path, AT_SYMLINK_NOFOLLOW, &wanted->st);
		wanted->number = is_told ? 0 : errno;
		if (!is_told || !looks->wants_acl(&wanted->st))
			return true;
	}
	cleanup_fd int fd = look_cached(looks->directory, wanted->path, nofollow ? O_NOFOLLOW : 0);
	if (fd < 0) {
		wanted->number = errno;
		return errno != EAGAIN;
	}
	wanted->number = look_now_stat(fd, "", AT_EMPTY_PATH, &wanted->st) ? 0 : errno;
	if (wanted->number || !looks->wants_acl(&wanted->st))
		return true;
	if (!look_is_local(fd, -1))
		return false;
	read_acl(wanted, fd);
	return true;
}

static void ask_wanted(void *context, size_t i, struct attempt_out *out)
{
	const struct looks *looks = context;
	struct look_wanted wanted = looks->all[looks->asked[i]];
	bool nofollow = wanted.flags & AT_SYMLINK_NOFOLLOW;
	cleanup_fd int fd =
		look_now_open(looks->directory, wanted.path, nofollow ? O_NOFOLLOW : 0, 0);

	wanted.number = fd >= 0 && look_now_stat(fd, "", AT_EMPTY_PATH, &wanted.st) ? 0 : errno;
	if (!wanted.number && looks->wants_acl(&wanted.st))
		read_acl(&wanted, fd);
	attempt_put(out, &wanted, sizeof wanted);
	attempt_put(out, wanted.acl, wanted.acl_length);
	free(wanted.acl);
}

static void take_wanted(void *context, size_t i, const struct attempt_answer *answer)
{
	const struct looks *looks = context;
	struct look_wanted *wanted = &looks->all[looks->asked[i]];
	struct look_wanted told;

	wanted->number = answer->number ? answer->number : EPROTO;
	if (answer->length < sizeof told)
		return;
	memcpy(&told, answer->bytes, sizeof told);
	if (answer->length != sizeof told + told.acl_length)
		return;
	*wanted = told;
	if (told.acl)
		set_acl(wanted, (const char *)answer->bytes + sizeof told,
			(ssize_t)told.acl_length);
}

void look_all(
	int directory, struct look_wanted *all, size_t n, bool (*wants_acl)(const struct stat *st))
{
	cleanup_free size_t *asked = xcalloc(n + 1, sizeof *asked);
	struct looks looks = {directory, all, asked, wants_acl};
	struct attempt question = {.ask = ask_wanted,
		.take = take_wanted,
		.context = &looks,
		.keep = &directory,
		.n_keep = 1};
	bool is_local = look_is_local(directory, -1);
	size_t n_asked = 0;

	for (size_t i = 0; i < n; i++)
		if (!look_here(&looks, &all[i], is_local))
			asked[n_asked++] = i;
	attempt(&question, n_asked);
}
