/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/block_use.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/block_view_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Whose use is looked for: what it takes itself, not the file systems that its files lie on. */
struct search {
	const struct block_view *view;
	struct block_ground own;
	char *use;	/* of which, found */
	size_t n_parts; /* of the last one that takes some of it */
};

/* What a user of a device takes: the user's own part aside where itself is not in use. */
static bool takes(struct search *s, const struct stat *st, bool without_itself)
{
	struct block_ground ground;
	cleanup_free char *ignored = NULL;
	size_t at, other_at;

	block_ground_of(s->view, -1, st, "", &ground, &ignored);
	struct block_ground below = {ground.parts + 1, ground.n - 1};
	bool shares = ground.n > 0 &&
		      block_shares(&s->own, without_itself ? &below : &ground, &at, &other_at);
	s->n_parts = ground.n;
	block_ground_free(&ground);
	return shares;
}

static bool is_itself(const struct search *s, dev_t dev)
{
	return s->own.parts[0].type == S_IFBLK && s->own.parts[0].dev == dev;
}

static void look_at_mounts(struct search *s)
{
	for (size_t i = 0; i < s->view->n_mounts && !s->use; i++) {
		const struct proc_mount *mount = &s->view->mounts[i];
		struct stat st = {.st_mode = S_IFBLK, .st_rdev = mount->dev};
		/* btrfs: its files have device numbers that no device has. */
		if (!major(mount->dev) &&
			(strncmp(mount->source, "/dev/", 5) != 0 || stat(mount->source, &st) < 0 ||
				!S_ISBLK(st.st_mode)))
			continue;
		bool is_known = false;
		for (size_t j = 0; j < i && !is_known; j++)
			is_known = major(mount->dev) && s->view->mounts[j].dev == mount->dev;
		if (is_known || !takes(s, &st, false))
			continue;
		s->use = xasprintf("%s is mounted on %s",
			is_itself(s, st.st_rdev) ? "it" : mount->source, mount->point);
	}
}

static void look_at_swaps(struct search *s)
{
	for (size_t i = 0; i < s->view->n_swaps && !s->use; i++) {
		const struct block_swap *swap = &s->view->swaps[i];
		if (takes(s, &swap->st, false))
			s->use = xasprintf("%s is used as swap",
				is_itself(s, swap->st.st_rdev) ? "it" : swap->path);
	}
}

/* Devices that are made of others hold them exclusively: dm, md, bcache. The lowest one is named.
 */
static bool look_at_holders(struct search *s, char **error)
{
	int fd = openat(s->view->sys, "block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *all = fd < 0 ? NULL : fdopendir(fd);
	size_t lowest = SIZE_MAX;
	char first[256] = "";
	struct dirent *d;

	while (all && (errno = 0, d = readdir(all)) != NULL) {
		cleanup_free char *number = xasprintf("%s/dev", d->d_name);
		cleanup_free char *name_path = xasprintf("%s/dm/name", d->d_name);
		char name[256] = "";
		struct stat st = {.st_mode = S_IFBLK};
		if (d->d_name[0] == '.' || strncmp(d->d_name, "loop", 4) == 0 ||
			!block_read_dev(fd, number, &st.st_rdev) || !takes(s, &st, true) ||
			s->n_parts > lowest ||
			(s->n_parts == lowest && strverscmp(d->d_name, first) > 0))
			continue;
		lowest = s->n_parts;
		snprintf(first, sizeof first, "%s", d->d_name);
		free(s->use);
		io_read_line(fd, name_path, name, sizeof name);
		s->use = xasprintf("%s%s%s%s is built on it", d->d_name, *name ? " (" : "", name,
			*name ? ")" : "");
	}
	if (all && errno == 0)
		return true;
	*error = xasprintf("cannot read /sys/block: %s", strerror(errno));
	return false;
}

static void own_parts(const struct block_ground *ground, struct search *s)
{
	s->own.parts = xcalloc(ground->n, sizeof *s->own.parts);
	for (size_t i = 0; i < ground->n; i++)
		if (ground->parts[i].share != BLOCK_AS_FILE)
			s->own.parts[s->own.n++] = ground->parts[i];
}

bool block_is_plain_file(const struct block_view *view, const struct stat *st)
{
	for (size_t i = 0; i < view->n_loops; i++)
		if (view->loops[i].is_known && view->loops[i].file_dev == st->st_dev &&
			view->loops[i].file_ino == st->st_ino)
			return false;
	for (size_t i = 0; i < view->n_swaps; i++)
		if (view->swaps[i].st.st_dev == st->st_dev &&
			view->swaps[i].st.st_ino == st->st_ino)
			return false;
	return S_ISREG(st->st_mode);
}

bool block_used_by(
	const struct block_view *view, const struct block_ground *ground, char **use, char **error)
{
	struct search s = {.view = view};
	bool good = true;

	*use = NULL;
	if (ground->n == 0)
		return true;
	own_parts(ground, &s);
	look_at_swaps(&s);
	if (!s.use)
		look_at_mounts(&s);
	if (!s.use)
		good = look_at_holders(&s, error);
	free(s.own.parts);
	*use = s.use;
	return good;
}

bool block_is_mounted(const struct block_view *view, const struct block_ground *ground)
{
	struct search s = {.view = view};

	if (ground->n == 0)
		return false;
	own_parts(ground, &s);
	look_at_mounts(&s);
	free(s.own.parts);
	bool is_mounted = s.use;
	free(s.use);
	return is_mounted;
}
