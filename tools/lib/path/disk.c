/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/disk.h"

#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "base/io.h"
#include "base/log.h"

#include <blkid/blkid.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What a file of sysfs says, without blanks at its ends; "" where there is none. */
static const char *attribute(const char *base, const char *name, char text[DISK_NAME_SIZE])
{
	cleanup_free char *path = xasprintf("%s/%s", base, name);
	ssize_t n = io_read_short(AT_FDCWD, path, text, DISK_NAME_SIZE);

	n = n < 0 ? 0 : n;
	while (n > 0 && isspace((unsigned char)text[n - 1]))
		n--;
	text[n] = '\0';
	return text + strspn(text, " \t");
}

/* The only entry of a folder of sysfs, new; NULL where there is none, or more. */
static char *only_entry(const char *base, const char *folder)
{
	cleanup_free char *path = xasprintf("%s/%s", base, folder);
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *d;
	char *only = NULL;
	size_t n = 0;

	while (dir && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (n++ == 0)
			only = xasprintf("%s/%s", path, d->d_name);
	}
	if (n > 1) {
		free(only);
		only = NULL;
	}
	return only;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void put_name(
	char out[DISK_NAME_SIZE], const char *kind, const char *value, const char *part)
{
	/* What does not fit would be a part of a name, which others can have too. */
	if (snprintf(out, DISK_NAME_SIZE, "%s:%s%s%s", kind, value, *part ? "-part" : "", part) >=
		DISK_NAME_SIZE)
		out[0] = '\0';
}

/* The name of a disk, or of a partition of it. */
static void name_of(const char *base, char out[DISK_NAME_SIZE], int depth)
{
	static const char *const ids[][2] = {{"wwid", "wwid"}, {"wwid", "device/wwid"},
		{"serial", "serial"}, {"serial", "device/serial"}, {"serial", "device/cid"}};
	char text[DISK_NAME_SIZE], part[DISK_NAME_SIZE], offset[DISK_NAME_SIZE];
	const char *value;

	out[0] = '\0';
	if (*(value = attribute(base, "dm/uuid", text))) {
		/* Others have the UUID of what lies on the disk, or one that is made up. */
		if (begins(value, "LVM-") || strstr(value, "mpath-")) {
			put_name(out, "dm", value, "");
			return;
		}
	}
	cleanup_free char *below = only_entry(base, "slaves");
	if (below && depth > 0) {
		name_of(below, out, depth - 1);
		return;
	}
	if (*(value = attribute(base, "md/uuid", text))) {
		put_name(out, "md", value, "");
		return;
	}
	attribute(base, "partition", part);
	cleanup_free char *disk = *part ? xasprintf("%s/..", base) : xstrdup(base);
	if (*(value = attribute(disk, "loop/backing_file", text))) {
		cleanup_free char *kind =
			xasprintf("loop:%s", attribute(disk, "loop/offset", offset));
		put_name(out, kind, value, part);
		return;
	}
	for (size_t i = 0; i < N_ELEMENTS(ids) && !out[0]; i++)
		if (*(value = attribute(disk, ids[i][1], text)))
			put_name(out, ids[i][0], value, part);
}

static struct disk disk_at(const char *base, dev_t dev)
{
	struct disk disk = {.dev = dev};
	char text[DISK_NAME_SIZE], part[DISK_NAME_SIZE], name[DISK_NAME_SIZE];
	cleanup_free char *real = realpath(base, NULL);

	if (!real)
		return disk;
	bool is_part = *attribute(real, "partition", part);
	disk.sequence =
		strtoull(attribute(real, is_part ? "../diskseq" : "diskseq", text), NULL, 10);
	name_of(real, name, 8);
	disk.name = *name ? intern(name) : NULL;
	return disk;
}

static int by_name(const void *a, const void *b)
{
	const struct disk *one = a, *other = b;

	if (!one->name || !other->name)
		return !one->name - !other->name;
	return strcmp(one->name, other->name);
}

/* The devices that a folder below /sys/fs/FOLDER/UUID links to. */
static size_t members(const char *folder, const char *uuid, struct disk **all)
{
	bool is_btrfs = strcmp(folder, "btrfs") == 0;
	cleanup_free char *path =
		xasprintf("/sys/fs/%s/%s%s", folder, uuid, is_btrfs ? "/devices" : "");
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *d;
	char text[DISK_NAME_SIZE];
	size_t n = 0;

	while (dir && (d = readdir(dir)) != NULL) {
		unsigned a, b;
		if (d->d_name[0] == '.' || (!is_btrfs && !begins(d->d_name, "dev-")))
			continue;
		cleanup_free char *base =
			xasprintf("%s/%s%s", path, d->d_name, is_btrfs ? "" : "/block");
		if (sscanf(attribute(base, "dev", text), "%u:%u", &a, &b) != 2)
			continue;
		ARRAY_GROW(*all, n);
		(*all)[n++] = disk_at(base, makedev(a, b));
	}
	if (n)
		qsort(*all, n, sizeof **all, by_name);
	return n;
}

size_t disks_below(dev_t dev, const char *folder, const char *uuid, struct disk **all)
{
	*all = NULL;
	if (folder)
		return members(folder, uuid, all);
	if (!major(dev))
		return 0;
	cleanup_free char *base = xasprintf("/sys/dev/block/%u:%u", major(dev), minor(dev));
	*all = xcalloc(1, sizeof **all);
	**all = disk_at(base, dev);
	return 1;
}

enum disk_evidence disk_compare(
	const struct disk *disk, bool same_boot, const struct disk *all, size_t n)
{
	enum disk_evidence result = DISK_UNKNOWN;

	for (size_t i = 0; i < n; i++) {
		bool named = disk->name && all[i].name;
		bool same_name = named && strcmp(all[i].name, disk->name) == 0;
		bool same_sequence = all[i].sequence == disk->sequence;
		/* Where one of both is not known, the number must do, unless the names differ. */
		bool unknown = !all[i].sequence || !disk->sequence;
		if (same_boot && disk->dev && all[i].dev == disk->dev &&
			(unknown ? !named : same_sequence))
			return DISK_SAME;
		if (same_name)
			return DISK_SAME;
		if (named)
			result = DISK_OTHER;
	}
	return same_boot && disk->dev && n > 0 ? DISK_OTHER : result;
}

/* Whether something else stands for this device: what lies on it is the other's. */
static bool has_holder(const char *base)
{
	cleanup_free char *path = xasprintf("%s/holders", base);
	cleanup_dir DIR *dir = opendir(path);
	const struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL)
		if (d->d_name[0] != '.')
			return true;
	return false;
}

static bool same_digits(const char *text, const char *digits)
{
	for (; *text; text++) {
		if (!isxdigit((unsigned char)*text))
			continue;
		if (tolower((unsigned char)*text) != *digits++)
			return false;
	}
	return !*digits;
}

/* The UUID of the device that a btrfs has, beside that of the whole; new. NULL: it is another. */
static char *superblock_of(const char *node, const char *digits)
{
	const char *value;
	char *sub = NULL;
	blkid_probe probe = blkid_new_probe_from_filename(node);

	if (!probe)
		return NULL;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID);
	if (blkid_do_safeprobe(probe) == 0 &&
		blkid_probe_lookup_value(probe, "UUID", &value, NULL) == 0 &&
		same_digits(value, digits))
		sub = xstrdup(blkid_probe_lookup_value(probe, "UUID_SUB", &value, NULL) == 0 ? value
											     : "");
	blkid_free_probe(probe);
	return sub;
}

/* In a child, which a disk that does not answer may keep. */
static bool count_superblocks(const char *digits)
{
	cleanup_dir DIR *dir = opendir("/sys/class/block");
	const struct dirent *d;
	char **seen = NULL;
	size_t n = 0;
	char text[DISK_NAME_SIZE];

	while (dir && (d = readdir(dir)) != NULL) {
		cleanup_free char *base = xasprintf("/sys/class/block/%s", d->d_name);
		if (d->d_name[0] == '.' || strcmp(attribute(base, "size", text), "0") == 0 ||
			has_holder(base))
			continue;
		cleanup_free char *node = xasprintf("/dev/%s", d->d_name);
		for (char *p = node; *p; p++)
			*p = *p == '!' ? '/' : *p;
		char *sub = superblock_of(node, digits);
		for (size_t i = 0; sub && i < n; i++) {
			if (strcmp(seen[i], sub) == 0)
				return false;
		}
		if (sub) {
			ARRAY_GROW(seen, n);
			seen[n++] = sub;
		}
	}
	return dir != NULL;
}

/* Which superblock is looked for, and what the child has found. */
struct uniqueness {
	const char *digits;
	bool is_unique;
};

static void ask_unique(void *context, size_t i, struct attempt_out *out)
{
	const struct uniqueness *asked = context;
	bool unique = count_superblocks(asked->digits);

	(void)i;
	attempt_put(out, &unique, sizeof unique);
}

static void take_unique(void *context, size_t i, const struct attempt_answer *answer)
{
	struct uniqueness *asked = context;

	(void)i;
	asked->is_unique = answer->length == sizeof(bool) && *(const bool *)answer->bytes;
}

bool disk_is_unique(const char *digits)
{
	/* Each file of a VM asks for the same one. */
	static char known[64];
	static bool is_unique;
	struct uniqueness asked = {.digits = digits};
	struct attempt question = {.ask = ask_unique, .take = take_unique, .context = &asked};

	if (strcmp(known, digits) != 0) {
		attempt(&question, 1);
		snprintf(known, sizeof known, "%s", digits);
		is_unique = asked.is_unique;
	}
	return is_unique;
}
