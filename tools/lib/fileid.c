/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fileid.h"

#include "cleanup.h"
#include "log.h"
#include "safepath.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* FS_IOC_GETFSUUID of Linux 6.9, which <linux/fs.h> may lack. */
struct fs_uuid {
	uint8_t length;
	uint8_t uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

/* "uuid:" and the hexadecimal digits of a UUID in any form. */
static bool put_digits(char out[64], const char *text)
{
	char *p = stpcpy(out, "uuid:");

	for (; *text && p < out + 63; text++)
		if (strchr("0123456789abcdef", *text | 0x20))
			*p++ = (char)(*text | 0x20);
	*p = '\0';
	return p > out + strlen("uuid:");
}

static bool uuid_of_kernel(int fd, const struct stat *st, char out[64])
{
	struct fs_uuid uuid = {0};
	int flags = O_RDONLY | O_NONBLOCK | (S_ISDIR(st->st_mode) ? O_DIRECTORY : 0);
	char digits[33];

	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		return false;
	cleanup_fd int readable = safepath_reopen(fd, flags);
	if (readable < 0 || ioctl(readable, GET_FS_UUID, &uuid) < 0 || uuid.length != 16)
		return false;
	for (size_t i = 0; i < 16; i++)
		sprintf(digits + 2 * i, "%02x", uuid.uuid[i]);
	return put_digits(out, digits);
}

/* Older kernels: what libblkid reads from the disk below. */
static bool uuid_of_disk(dev_t dev, char out[64])
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

/* The disks of a VM mostly lie on one file system. */
static void filesystem_of(int fd, const struct stat *st, char out[64])
{
	static char known[64];
	static dev_t known_dev;

	if (!known[0] || known_dev != st->st_dev) {
		if (!uuid_of_kernel(fd, st, known) && !uuid_of_disk(st->st_dev, known))
			snprintf(known, sizeof known, "dev:%u:%u", major(st->st_dev),
				minor(st->st_dev));
		known_dev = st->st_dev;
	}
	memcpy(out, known, sizeof known);
}

static bool statx_of(int fd, struct fileid *id)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_INO | STATX_BTIME, &stx) < 0)
		return false;
	id->inode = stx.stx_ino;
	id->born = -1;
	if (stx.stx_mask & STATX_BTIME) {
		id->born = stx.stx_btime.tv_sec;
		id->born_nsec = stx.stx_btime.tv_nsec;
	}
	return true;
}

static void handle_of(int fd, struct fileid *id)
{
	union {
		struct file_handle header;
		char room[sizeof(struct file_handle) + FILEID_HANDLE_MAX];
	} handle = {.header.handle_bytes = FILEID_HANDLE_MAX};
	int mount;

	id->handle_size = 0;
	if (name_to_handle_at(fd, "", &handle.header, &mount, AT_EMPTY_PATH) < 0)
		return;
	id->handle_type = handle.header.handle_type;
	id->handle_size = handle.header.handle_bytes;
	memcpy(id->handle, handle.header.f_handle, id->handle_size);
}

bool fileid_of(int fd, const struct stat *st, struct fileid *id, char **error)
{
	*id = (struct fileid){0};
	filesystem_of(fd, st, id->filesystem);
	handle_of(fd, id);
	if (!statx_of(fd, id)) {
		*error = xasprintf("can't examine it: %s", strerror(errno));
		return false;
	}
	return true;
}

int fileid_compare(const struct fileid *a, const struct fileid *b)
{
	if (a->inode != b->inode)
		return a->inode < b->inode ? -1 : 1;
	int order = strcmp(a->filesystem, b->filesystem);
	if (order)
		return order;
	if (a->handle_size != b->handle_size)
		return a->handle_size < b->handle_size ? -1 : 1;
	order = memcmp(a->handle, b->handle, a->handle_size);
	if (order)
		return order;
	if (a->born != b->born)
		return a->born < b->born ? -1 : 1;
	return (a->born_nsec > b->born_nsec) - (a->born_nsec < b->born_nsec);
}

bool fileid_equal(const struct fileid *a, const struct fileid *b)
{
	return fileid_compare(a, b) == 0;
}

/* Whether the object is the one: a handle can be right while the rest tells that it is not. */
static enum fileid_found compare(int fd, const struct fileid *id)
{
	struct fileid found = {0};

	if (!statx_of(fd, &found))
		return FILEID_FAILED;
	return found.inode == id->inode && found.born == id->born &&
			       found.born_nsec == id->born_nsec
		       ? FILEID_FOUND
		       : FILEID_GONE;
}

/*
 * By its handle, on the file system that dir lies on. Only ESTALE says that it is not
 * there any more (open_by_handle_at(2)); FILEID_FAILED leaves errno.
 */
static enum fileid_found open_handle(int dir, const struct fileid *id, int *found)
{
	union {
		struct file_handle header;
		char room[sizeof(struct file_handle) + FILEID_HANDLE_MAX];
	} handle = {.header.handle_bytes = id->handle_size, .header.handle_type = id->handle_type};

	memcpy(handle.header.f_handle, id->handle, id->handle_size);
	cleanup_fd int fd = open_by_handle_at(dir, &handle.header, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ESTALE || errno == ENOENT ? FILEID_GONE : FILEID_FAILED;
	enum fileid_found result = compare(fd, id);
	if (result == FILEID_FOUND)
		*found = steal_fd(&fd);
	return result;
}

/* Whether the directory's file system is the one, within this boot. */
static bool is_filesystem(int dir, const struct stat *st, const struct fileid *id)
{
	char filesystem[64];

	filesystem_of(dir, st, filesystem);
	return strcmp(filesystem, id->filesystem) == 0;
}

/* Mounts that can hang, and that have no UUID. */
static bool is_local(const char *type)
{
	static const char *const others[] = {
		"nfs", "cifs", "smb", "fuse", "9p", "ceph", "afs", "autofs", "gfs2", "ocfs2"};

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strncmp(type, others[i], strlen(others[i])) == 0)
			return false;
	return true;
}

/* Looks through all mounts: the file system may be mounted elsewhere now. */
static enum fileid_found search_mounts(const struct fileid *id, int *found, char **error)
{
	enum fileid_found result = FILEID_UNMOUNTED;
	cleanup_fd int first = -1;
	dev_t first_dev = 0;
	struct mntent *mount;

	FILE *mounts = setmntent("/proc/self/mounts", "re");
	if (!mounts) {
		*error = xasprintf("can't read /proc/self/mounts: %s", strerror(errno));
		return FILEID_FAILED;
	}
	while (result != FILEID_FAILED && (mount = getmntent(mounts)) != NULL) {
		struct stat st;
		if (!is_local(mount->mnt_type))
			continue;
		cleanup_fd int dir = open(mount->mnt_dir,
			O_RDONLY | O_DIRECTORY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		/* A file can be a mount point, and a mount can lie below another one. */
		if (dir < 0 || fstat(dir, &st) < 0 || !is_filesystem(dir, &st, id))
			continue;
		cleanup_fd int fd = -1;
		enum fileid_found here = open_handle(dir, id, &fd);
		if (here == FILEID_FAILED) {
			*error = xasprintf("can't open it by its handle: %s", strerror(errno));
			result = here;
		} else if (here == FILEID_GONE) {
			result = result == FILEID_UNMOUNTED ? FILEID_GONE : result;
		} else if (first < 0) {
			first = steal_fd(&fd);
			first_dev = st.st_dev;
			result = FILEID_FOUND;
		} else if (first_dev != st.st_dev) {
			result = FILEID_AMBIGUOUS;
		}
	}
	endmntent(mounts);
	if (result == FILEID_FOUND)
		*found = steal_fd(&first);
	return result;
}

/* Whether the directory of the path lies on the file system. */
static bool has_directory(const struct fileid *id, const char *path)
{
	struct safepath walk;
	cleanup_free char *error = NULL;
	cleanup_free char *directory = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);

	bool is = safepath_open(directory, &walk, &error) && is_filesystem(walk.fd, &walk.st, id);
	safepath_close(&walk);
	return is;
}

enum fileid_found fileid_open(const struct fileid *id, const char *path, int *fd, char **error)
{
	enum fileid_found result = FILEID_GONE;
	cleanup_free char *why = NULL;
	struct safepath walk;
	struct fileid found;

	*fd = -1;
	/*
	 * By the name that it had, first. An unsafe way is no harm here: what is found must
	 * be the object itself, which was judged when it was claimed.
	 */
	bool is_reached = safepath_open(path, &walk, &why);
	bool is_there = is_reached && is_filesystem(walk.fd, &walk.st, id);
	if (is_there && id->handle_size == 0) {
		if ((result = compare(walk.fd, id)) == FILEID_FAILED)
			*error = xasprintf("can't examine it: %s", strerror(errno));
	} else if (is_there) {
		if (!fileid_of(walk.fd, &walk.st, &found, error))
			result = FILEID_FAILED;
		else if (fileid_equal(&found, id))
			result = FILEID_FOUND;
	}
	if (result == FILEID_FOUND) {
		*fd = walk.fd;
		walk.fd = -1;
	}
	safepath_close(&walk);
	if (result != FILEID_GONE)
		return result;
	if (id->handle_size > 0)
		return search_mounts(id, fd, error);
	return is_there || has_directory(id, path) ? FILEID_GONE : FILEID_UNMOUNTED;
}
