/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/fsid.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "base/log.h"
#include "path/fstype.h"
#include "path/mounts.h"
#include "path/safepath.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* FS_IOC_GETFSUUID of Linux 6.9, which <linux/fs.h> may lack. */
struct fs_uuid {
	uint8_t length;
	uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

enum kind { BY_UUID, BY_BTRFS, BY_STATFS, BY_SOURCE, VOLATILE };

/* What a type of file system, or all whose names begin so ("*"), is identified by. */
static const struct {
	const char *type;
	enum kind kind;
} kinds[] = {
	{"btrfs", BY_BTRFS},
	{"zfs", BY_STATFS},
	{"tmpfs", VOLATILE},
	{"devtmpfs", VOLATILE},
	{"ramfs", VOLATILE},
	{"rootfs", VOLATILE},
	{"hugetlbfs", VOLATILE},
	{"fuseblk", BY_UUID},
	{"fuse*", BY_SOURCE},
	{"virtiofs", BY_SOURCE},
	{"nfs*", BY_SOURCE},
	{"cifs", BY_SOURCE},
	{"smb*", BY_SOURCE},
	{"9p", BY_SOURCE},
	{"ceph", BY_SOURCE},
	{"lustre", BY_SOURCE},
	{"afs", BY_SOURCE},
	{"*", BY_UUID},
};

static enum kind kind_of(const char *type)
{
	size_t i = 0;

	for (;; i++) {
		size_t length = strcspn(kinds[i].type, "*");
		bool is_open = kinds[i].type[length] == '*';
		if (strncmp(type, kinds[i].type, length) == 0 && (is_open || !type[length]))
			return kinds[i].kind;
	}
}

/* "uuid:" and the hexadecimal digits of a UUID in any form. */
static bool put_digits(char *out, const char *text)
{
	char *p = stpcpy(out, "uuid:");

	for (; *text && p < out + sizeof "uuid:" + 32; text++)
		if (strchr("0123456789abcdef", *text | 0x20))
			*p++ = (char)(*text | 0x20);
	*p = '\0';
	return p > out + strlen("uuid:");
}

static void put_hex(char digits[33], const uint8_t *bytes)
{
	for (size_t i = 0; i < 16; i++)
		sprintf(digits + 2 * i, "%02x", bytes[i]);
}

/* The root of a mount, if it is not below another one; of the same device number as the object. */
static int open_root(const struct stat *st, const struct proc_mount *mount)
{
	struct stat its;

	if (!mount || fstype_may_hang(mount->type) || mounts_on_way(mount->point)) {
		errno = ENOTTY;
		return -1;
	}
	cleanup_fd int root = open(mount->point, O_RDONLY | O_NONBLOCK | O_DIRECTORY | O_CLOEXEC);
	const struct proc_mount *own = root < 0 ? NULL : mounts_of(root);
	if (root < 0)
		return -1;
	/* Where nothing tells which mount it is of, the number does, but for subvolumes. */
	bool is_it =
		own ? own->id == mount->id : fstat(root, &its) == 0 && its.st_dev == st->st_dev;
	if (is_it && S_ISREG(st->st_mode))
		is_it = fstat(root, &its) == 0 && its.st_dev == st->st_dev;
	errno = ENOTTY;
	return is_it ? steal_fd(&root) : -1;
}

/*
 * A descriptor for the file system's own calls: of the object; where to open that could do
 * something (a device), or can't be done now (somebody has a lease on it), of the directory that
 * it lies in, or the root of its mount. All of them say the same, so that what identifies an
 * object does not depend on who has done what to it.
 */
static int open_askable(int fd, const struct stat *st, const struct proc_mount *mount)
{
	bool is_directory = S_ISDIR(st->st_mode);
	int file = -1, number = ENOTTY;

	if (S_ISREG(st->st_mode) || is_directory) {
		file = safepath_reopen(
			fd, O_RDONLY | O_NONBLOCK | (is_directory ? O_DIRECTORY : 0));
		number = errno;
	}
	if (file < 0)
		file = mounts_open_directory(fd, st);
	if (file < 0)
		file = open_root(st, mount);
	if (file < 0)
		errno = number;
	return file;
}

/* Whether what could not be opened can be at another time, or without a limit. */
static bool is_passing(int number)
{
	return number == EWOULDBLOCK || number == EMFILE || number == ENFILE || number == ENOMEM;
}

static bool uuid_of_kernel(int askable, char *out)
{
	struct fs_uuid uuid = {0};
	char digits[33];

	if (askable < 0 || ioctl(askable, GET_FS_UUID, &uuid) < 0 || uuid.length != 16)
		return false;
	put_hex(digits, uuid.uuid);
	return put_digits(out, digits);
}

/* Older kernels: what libblkid reads from the disk below. */
static bool uuid_of_disk(dev_t dev, char *out)
{
	cleanup_free char *node = major(dev) ? blkid_devno_to_devname(dev) : NULL;
	const char *value = NULL;
	bool found = false;

	blkid_probe probe = node ? blkid_new_probe_from_filename(node) : NULL;
	if (!probe)
		return false;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID);
	if (blkid_do_safeprobe(probe) == 0 &&
		blkid_probe_lookup_value(probe, "UUID", &value, NULL) == 0)
		found = put_digits(out, value);
	blkid_free_probe(probe);
	return found;
}

static void put_device(char *out, dev_t dev)
{
	sprintf(out, "dev:%u:%u", major(dev), minor(dev));
}

/*
 * The subvolume is asked for by the object, not by its mount: fs/btrfs/ioctl.c's
 * btrfs_ioctl_get_subvol_info() takes the root of the inode, and needs no privilege.
 */
static bool put_btrfs(int askable, const struct stat *st, char *out)
{
	struct btrfs_ioctl_fs_info_args info = {0};
	struct btrfs_ioctl_get_subvol_info_args subvolume = {0};
	char whole[33], own[33];

	if (askable < 0 || ioctl(askable, BTRFS_IOC_FS_INFO, &info) < 0)
		return false;
	put_hex(whole, info.fsid);
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode)) {
		sprintf(out, "btrfs:%s", whole);
		return true;
	}
	if (ioctl(askable, BTRFS_IOC_GET_SUBVOL_INFO, &subvolume) < 0)
		return false;
	put_hex(own, subvolume.uuid);
	sprintf(out, "btrfs:%s:%s:%llu", whole, own, (unsigned long long)subvolume.treeid);
	return true;
}

/* OpenZFS 2.2's zfs_statvfs(): f_fsid is the data set's fsid_guid, which is on its disks. */
static bool put_statfs(int fd, char *out)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	sprintf(out, "zfs:%08x%08x", (unsigned)fs.f_fsid.__val[1], (unsigned)fs.f_fsid.__val[0]);
	return true;
}

/* One that is too long is cut, and what was cut stands for by a sum (FNV-1a). */
static void put_source(const struct proc_mount *mount, char out[FSID_SIZE])
{
	uint64_t sum = 0xcbf29ce484222325;
	const char *type = strncmp(mount->type, "nfs", 3) == 0 ? "nfs" : mount->type;

	int length = snprintf(out, FSID_SIZE, "source:%s:%s", type, mount->source);
	if (length < FSID_SIZE)
		return;
	for (const char *p = mount->source; *p; p++)
		sum = (sum ^ (unsigned char)*p) * 0x100000001b3;
	sprintf(out + FSID_SIZE - 1 - 17, "~%016llx", (unsigned long long)sum);
}

/* Where the mount is not among those that are shown here, below another root directory. */
static enum kind kind_of_magic(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return BY_UUID;
	return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC || fs.f_type == HUGETLBFS_MAGIC
		       ? VOLATILE
	       : fs.f_type == BTRFS_SUPER_MAGIC ? BY_BTRFS
						: BY_UUID;
}

static bool ask(int fd, const struct stat *st, char out[FSID_SIZE])
{
	const struct proc_mount *mount = mounts_of(fd);
	enum kind kind = mount ? kind_of(mount->type) : kind_of_magic(fd);
	char *to = kind == VOLATILE ? stpcpy(out, "volatile:") : out;
	bool asks_object = kind == BY_UUID || kind == BY_BTRFS || kind == VOLATILE;

	/* A FUSE file system on a disk is not asked: its process may never answer. */
	if (mount && fstype_may_hang(mount->type))
		asks_object = false;
	cleanup_fd int askable = asks_object ? open_askable(fd, st, mount) : -1;
	int number = asks_object && askable < 0 ? errno : 0;
	errno = number;
	if (kind == BY_BTRFS)
		return put_btrfs(askable, st, out);
	if (kind == BY_STATFS)
		return put_statfs(fd, out);
	if (kind == BY_SOURCE)
		put_source(mount, out);
	if (kind == BY_SOURCE || uuid_of_kernel(askable, to) || uuid_of_disk(st->st_dev, to))
		return true;
	/* With a number in place of its UUID, it would seem to be another one later. */
	if (is_passing(number)) {
		errno = number;
		return false;
	}
	put_device(to, st->st_dev);
	return true;
}

const char *fsid_of(int fd, const struct stat *st)
{
	/* The disks of a VM mostly lie on one file system. */
	static const char *known;
	static dev_t known_dev;
	static bool known_node;
	bool is_node = !S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode);

	if (!known || known_dev != st->st_dev || known_node != is_node) {
		char text[FSID_SIZE];
		known = ask(fd, st, text) ? intern(text) : NULL;
		known_dev = st->st_dev;
		known_node = is_node;
	}
	return known;
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool fsid_is_valid(const char *text)
{
	static const char *const forms[] = {
		"uuid:", "dev:", "btrfs:", "zfs:", "source:", "volatile:uuid:", "volatile:dev:"};

	for (size_t i = 0; i < N_ELEMENTS(forms); i++)
		if (begins(text, forms[i]) && text[strlen(forms[i])])
			return strlen(text) < FSID_SIZE;
	return false;
}

bool fsid_is_volatile(const char *id)
{
	return begins(id, "volatile:");
}

bool fsid_is_of_boot(const char *id)
{
	return begins(id, "dev:");
}

bool fsid_is_source(const char *id)
{
	return begins(id, "source:");
}

bool fsid_matches(const char *journalled, const char *now, dev_t dev)
{
	char device[FSID_SIZE];

	if (strcmp(journalled, now) == 0)
		return true;
	put_device(device, dev);
	/* Volatile or not, it is of this boot. */
	const char *number =
		begins(journalled, "volatile:dev:") ? journalled + strlen("volatile:") : journalled;
	return (begins(number, "dev:") && strcmp(number, device) == 0) ||
	       (begins(journalled, "uuid:") && fsid_is_volatile(now) &&
		       strcmp(journalled, now + strlen("volatile:")) == 0);
}

bool fsid_says_less(const char *journalled, const char *now)
{
	return begins(journalled, "volatile:uuid:") && begins(now, "volatile:dev:");
}

bool fsid_same_base(const char *a, const char *b)
{
	size_t length = strlen("btrfs:") + 32;

	if (begins(a, "btrfs:"))
		return strncmp(a, b, length) == 0;
	return strcmp(a, b) == 0;
}

const char *fsid_digits(const char *id, char digits[33])
{
	const char *from = begins(id, "uuid:")	  ? id + strlen("uuid:")
			   : begins(id, "btrfs:") ? id + strlen("btrfs:")
						  : "";

	snprintf(digits, 33, "%.*s", (int)strcspn(from, ":"), from);
	return digits;
}

const char *fsid_folder(const char *id, int fd)
{
	if (begins(id, "btrfs:"))
		return "btrfs";
	const struct proc_mount *mount = begins(id, "uuid:") ? mounts_of(fd) : NULL;
	return mount && strcmp(mount->type, "bcachefs") == 0 ? "bcachefs" : NULL;
}
