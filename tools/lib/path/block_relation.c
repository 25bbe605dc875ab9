/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/block_relation.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "path/block_view_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Layers on layers: nobody has so many; whoever has gets no answer. */
#define MAX_PARTS 4096
#define SECTOR 512

/* What is being collected. */
struct builder {
	const struct block_view *view;
	struct block_ground *ground;
	char **error;
	bool failed;
};

/* The bytes of a part that something above takes. */
struct range {
	uint64_t start, end;
	enum block_share share;
};

static const struct range everything = {0, UINT64_MAX, BLOCK_WHOLE};

static void fail(struct builder *b, char *error)
{
	b->failed = true;
	free(*b->error);
	*b->error = error;
}

/* Takes name. False: it is there already, or there are too many. */
static bool add_part(
	struct builder *b, mode_t type, dev_t dev, ino_t ino, struct range range, char *name)
{
	struct block_ground *ground = b->ground;
	struct block_part part = {type, dev, ino, range.start, range.end, range.share, name};

	for (size_t i = 0; i < ground->n; i++) {
		const struct block_part *p = &ground->parts[i];
		if (p->type == type && p->dev == dev && p->ino == ino && p->start == part.start &&
			p->end == part.end && p->share <= part.share) {
			free(name);
			return false;
		}
	}
	if (ground->n == MAX_PARTS) {
		fail(b, xasprintf("cannot determine all layers below it: more than %d layers",
				MAX_PARTS));
		free(name);
		return false;
	}
	ARRAY_GROW(ground->parts, ground->n);
	ground->parts[ground->n++] = part;
	return true;
}

/* The directory of a device in sysfs; -1: it has none, as where there is no driver. */
static int open_device(const struct block_view *view, dev_t dev)
{
	char path[64];

	snprintf(path, sizeof path, "dev/block/%u:%u", major(dev), minor(dev));
	return openat(view->sys, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* "/dev/loop3", new. */
static char *device_name(int dir, dev_t dev)
{
	char text[4096];

	if (dir >= 0 && io_read_short(dir, "uevent", text, sizeof text) > 0) {
		const char *line =
			strncmp(text, "DEVNAME=", 8) == 0 ? text : strstr(text, "\nDEVNAME=");
		if (line) {
			line = strchr(line, '=') + 1;
			return xasprintf("/dev/%.*s", (int)strcspn(line, "\n"), line);
		}
	}
	return xasprintf("device %u:%u", major(dev), minor(dev));
}

static void add_device(struct builder *b, dev_t dev, struct range range, const char *name);

/* The range of a layer that begins at start of the one below, and is size long (0: open). */
static struct range shifted(struct range range, uint64_t start, uint64_t size)
{
	uint64_t end = size ? start + size : UINT64_MAX;
	struct range below = {start + range.start, end, range.share};

	if (range.end < UINT64_MAX - start && start + range.end < end)
		below.end = start + range.end;
	return below;
}

static struct range somewhere(struct range range)
{
	return (struct range){
		0, UINT64_MAX, range.share == BLOCK_AS_FILE ? BLOCK_AS_FILE : BLOCK_SOMEWHERE};
}

static void add_whole_disk(struct builder *b, int dir, struct range range)
{
	char start[32], size[32];
	unsigned long long first, length;
	dev_t disk;

	if (faccessat(dir, "partition", F_OK, 0) < 0)
		return;
	if (!block_read_dev(dir, "../dev", &disk) ||
		!io_read_line(dir, "start", start, sizeof start) ||
		!io_read_line(dir, "size", size, sizeof size) ||
		sscanf(start, "%llu", &first) != 1 || sscanf(size, "%llu", &length) != 1)
		fail(b, xstrdup("cannot determine from sysfs which part of which disk it is"));
	else
		add_device(b, disk, shifted(range, first * SECTOR, length * SECTOR), NULL);
}

static void add_members(struct builder *b, int dir, struct range range)
{
	int fd = openat(dir, "slaves", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *members = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	/* A partition has no such directory. */
	if (!members && errno == ENOENT)
		return;
	while (members && (errno = 0, d = readdir(members)) != NULL) {
		cleanup_free char *path = xasprintf("slaves/%s/dev", d->d_name);
		dev_t member;
		if (d->d_name[0] != '.' && block_read_dev(dir, path, &member))
			add_device(b, member, somewhere(range), NULL);
	}
	if (errno)
		fail(b, xasprintf(
				"cannot read in sysfs what its members are: %s", strerror(errno)));
}

/* zram's. */
static void add_backing_device(struct builder *b, int dir, struct range range)
{
	char path[4096];
	struct stat st;

	if (io_read_line(dir, "backing_dev", path, sizeof path) && path[0] == '/' &&
		stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		add_device(b, st.st_rdev, somewhere(range), path);
}

/* A file system that has a device number of its own: those of the mount's source, or of btrfs. */
static void add_mounted_devices(
	struct builder *b, const struct proc_mount *mount, struct range range)
{
	cleanup_dir DIR *all = NULL;
	struct dirent *d;
	struct stat st;

	if (mount->source[0] != '/' || stat(mount->source, &st) < 0 || !S_ISBLK(st.st_mode))
		return;
	add_device(b, st.st_rdev, range, NULL);
	if (strcmp(mount->type, "btrfs") != 0)
		return;
	/* Each file system has a directory, in which the devices are. */
	int fd = openat(b->view->sys, "fs/btrfs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all = fd < 0 ? NULL : fdopendir(fd);
	while (all && (d = readdir(all)) != NULL) {
		cleanup_free char *path = xasprintf("%s/devices", d->d_name);
		int inner = d->d_name[0] == '.'
				    ? -1
				    : openat(fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		cleanup_dir DIR *devices = inner < 0 ? NULL : fdopendir(inner);
		struct dirent *device;
		dev_t found[256];
		size_t n = 0;
		bool is_it = false;
		while (devices && (device = readdir(devices)) != NULL && n < 256) {
			cleanup_free char *dev = xasprintf("%s/dev", device->d_name);
			if (device->d_name[0] == '.' || !block_read_dev(inner, dev, &found[n]))
				continue;
			is_it = is_it || found[n] == st.st_rdev;
			n++;
		}
		for (size_t i = 0; is_it && i < n; i++)
			add_device(b, found[i], range, NULL);
	}
}

/* The mount that a descriptor was reached by, or one with that device number. */
static const struct proc_mount *mount_of(const struct block_view *view, int fd, dev_t dev)
{
	struct statx stx = {0};

	if (fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &stx) < 0)
		stx.stx_mask = 0;
	for (size_t i = 0; i < view->n_mounts; i++)
		if (fd >= 0 && (stx.stx_mask & STATX_MNT_ID) ? view->mounts[i].id == stx.stx_mnt_id
							     : view->mounts[i].dev == dev)
			return &view->mounts[i];
	return NULL;
}

static void add_file(
	struct builder *b, int fd, dev_t dev, ino_t ino, struct range range, const char *name)
{
	static const struct range as_file = {0, UINT64_MAX, BLOCK_AS_FILE};

	if (!add_part(b, S_IFREG, dev, ino, range, xstrdup(name)))
		return;
	const struct proc_mount *mount = major(dev) ? NULL : mount_of(b->view, fd, dev);
	if (major(dev))
		add_device(b, dev, as_file, NULL);
	else if (mount)
		add_mounted_devices(b, mount, as_file);
}

static void add_backing_file(struct builder *b, dev_t dev, struct range range)
{
	for (size_t i = 0; i < b->view->n_loops; i++) {
		const struct block_loop *loop = &b->view->loops[i];
		if (loop->dev != dev)
			continue;
		if (!loop->is_known)
			fail(b, xasprintf("cannot determine the backing file of /dev/%s (sysfs "
					  "names %s)",
					loop->name, loop->file));
		else if (loop->file_rdev)
			add_device(
				b, loop->file_rdev, shifted(range, loop->offset, loop->size), NULL);
		else
			add_file(b, -1, loop->file_dev, loop->file_ino,
				shifted(range, loop->offset, loop->size), loop->file);
	}
}

static void add_device(struct builder *b, dev_t dev, struct range range, const char *name)
{
	cleanup_fd int dir = open_device(b->view, dev);
	int number = errno;

	if (!add_part(b, S_IFBLK, dev, 0, range, name ? xstrdup(name) : device_name(dir, dev)))
		return;
	if (dir < 0) {
		if (number != ENOENT)
			fail(b, xasprintf("cannot read /sys/dev/block/%u:%u: %s", major(dev),
					minor(dev), strerror(number)));
		return;
	}
	add_whole_disk(b, dir, range);
	add_members(b, dir, range);
	add_backing_device(b, dir, range);
	add_backing_file(b, dev, range);
}

/* Where below devices/ a link of sysfs leads to, new; NULL: it leads elsewhere. */
static char *place_in_devices(int dir, const char *path)
{
	char text[4096];
	ssize_t n = readlinkat(dir, path, text, sizeof text - 1);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	const char *place = strstr(text, "devices/");
	return place ? xstrdup(place) : NULL;
}

/* The block devices of the same piece of hardware: sda for its sg0, or for the USB device. */
static void add_disks_of(struct builder *b, dev_t dev)
{
	static const char *const classes[] = {"/scsi_generic/", "/bsg/"};
	cleanup_free char *path = xasprintf("dev/char/%u:%u", major(dev), minor(dev));
	cleanup_free char *place = place_in_devices(b->view->sys, path);

	if (!place)
		return;
	for (size_t i = 0; i < N_ELEMENTS(classes); i++) {
		char *at = strstr(place, classes[i]);
		if (at)
			*at = '\0';
	}
	size_t length = strlen(place);
	int fd = openat(b->view->sys, "block", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *all = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;
	while (all && (d = readdir(all)) != NULL) {
		cleanup_free char *disk = place_in_devices(fd, d->d_name);
		cleanup_free char *number = xasprintf("%s/dev", d->d_name);
		dev_t found;
		if (disk && strncmp(disk, place, length) == 0 && disk[length] == '/' &&
			block_read_dev(fd, number, &found))
			add_device(b, found, everything, NULL);
	}
}

bool block_ground_of(const struct block_view *view, int fd, const struct stat *st, const char *name,
	struct block_ground *ground, char **error)
{
	struct builder b = {.view = view, .ground = ground, .error = error};

	*ground = (struct block_ground){0};
	if (S_ISREG(st->st_mode)) {
		add_file(&b, fd, st->st_dev, st->st_ino, everything, name);
	} else if (S_ISBLK(st->st_mode)) {
		add_device(&b, st->st_rdev, everything, name);
	} else if (S_ISCHR(st->st_mode)) {
		add_part(&b, S_IFCHR, st->st_rdev, 0, everything, xstrdup(name));
		add_disks_of(&b, st->st_rdev);
	}
	return !b.failed;
}

void block_ground_free(struct block_ground *ground)
{
	for (size_t i = 0; i < ground->n; i++)
		free(ground->parts[i].name);
	free(ground->parts);
	*ground = (struct block_ground){0};
}

static bool meet(const struct block_part *a, const struct block_part *b)
{
	return a->type == b->type && a->dev == b->dev && a->ino == b->ino && a->start < b->end &&
	       b->start < a->end && (a->share == BLOCK_WHOLE || b->share == BLOCK_WHOLE);
}

bool block_shares(const struct block_ground *ground, const struct block_ground *other, size_t *at,
	size_t *other_at)
{
	for (*at = 0; *at < ground->n; ++*at)
		for (*other_at = 0; *other_at < other->n; ++*other_at)
			if (meet(&ground->parts[*at], &other->parts[*other_at]))
				return true;
	return false;
}
