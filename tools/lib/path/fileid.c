/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "path/fileid.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "path/fstype.h"
#include "path/look.h"
#include "path/mounts.h"
#include "path/reach.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/*
 * A handle of FUSE is the number that its process gave a file in this mount, and that another
 * file has in the next one (fs/fuse/inode.c, fuse_encode_fh()).
 */
static bool has_lasting_handles(const struct proc_mount *mount)
{
	return !mount || (strncmp(mount->type, "fuse", strlen("fuse")) != 0 &&
				 strcmp(mount->type, "virtiofs") != 0);
}

/* False and errno if there may be one that could not be had. */
static bool handle_of(int fd, const struct proc_mount *mount, struct fileid *id)
{
	union {
		struct file_handle header;
		char room[sizeof(struct file_handle) + FILEID_HANDLE_MAX];
	} handle = {.header.handle_bytes = FILEID_HANDLE_MAX};
	int ignored;

	id->handle_size = 0;
	if (!has_lasting_handles(mount))
		return true;
	/* EPERM and ENOSYS are those of a filter of system calls. */
	if (name_to_handle_at(fd, "", &handle.header, &ignored, AT_EMPTY_PATH) < 0)
		return errno == EOPNOTSUPP || errno == EPERM || errno == ENOSYS ||
		       errno == EOVERFLOW;
	id->handle_type = handle.header.handle_type;
	id->handle_size = handle.header.handle_bytes;
	memcpy(id->handle, handle.header.f_handle, id->handle_size);
	return true;
}

/* A UUID as sysfs writes it. */
static void put_dashed(char out[37], const char *digits)
{
	snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8, digits + 12, digits + 16,
		digits + 20);
}

/* The disks below the object's file system; they belong to this function. */
static size_t disks_of(int fd, const struct fileid *id, const struct disk **all)
{
	static struct disk *known;
	static size_t n_known;
	static dev_t known_dev;
	char digits[33], uuid[37] = "";

	if (!known || known_dev != id->dev) {
		const char *folder = fsid_folder(id->filesystem, fd);
		if (folder && strlen(fsid_digits(id->filesystem, digits)) == 32)
			put_dashed(uuid, digits);
		free(known);
		n_known = disks_below(id->dev, folder, uuid, &known);
		known_dev = id->dev;
	}
	*all = known;
	return n_known;
}

bool fileid_of_object(int fd, const struct object *object, struct fileid *id, char **error)
{
	const struct proc_mount *mount = object->mount;
	const struct statx *stx = &object->stx;
	const struct disk *disks;
	struct stat st;

	look_stat_of(stx, &st);
	*id = (struct fileid){.dev = st.st_dev, .inode = st.st_ino, .born = -1};
	if (stx->stx_mask & STATX_BTIME) {
		id->born = stx->stx_btime.tv_sec;
		id->born_nsec = stx->stx_btime.tv_nsec;
	}
	if (!(id->filesystem = fsid_of(fd, &st)))
		return error_set_errno(error, "cannot determine which file system it is on");
	if (!handle_of(fd, mount, id))
		return error_set_errno(error, "cannot examine it");
	if (disks_of(fd, id, &disks) > 0) {
		id->disk = disks[0];
	} else {
		/* btrfs shows other numbers in stat(2) than in mountinfo. */
		id->disk.dev = mount ? mount->dev : st.st_dev;
	}
	return true;
}

bool fileid_of(int fd, struct fileid *id, char **error)
{
	struct object object;

	return object_of(fd, &object) ? fileid_of_object(fd, &object, id, error)
				      : error_set_errno(error, "cannot examine it");
}

/* The same of what may not answer. False and errno. */
static bool look(int fd, struct fileid *id)
{
	cleanup_free char *why = NULL;
	struct object object;

	return object_look(fd, &object) && fileid_of_object(fd, &object, id, &why);
}

static bool same_handle(const struct fileid *a, const struct fileid *b)
{
	return a->handle_type == b->handle_type && a->handle_size == b->handle_size &&
	       memcmp(a->handle, b->handle, a->handle_size) == 0;
}

static bool same_inode(const struct fileid *a, const struct fileid *b)
{
	/* Of a server's file, the kernel may know the time of birth or not, when it is not asked.
	 */
	bool is_unknown = (a->born < 0 || b->born < 0) && fsid_is_source(a->filesystem);

	return a->inode == b->inode &&
	       (is_unknown || (a->born == b->born && a->born_nsec == b->born_nsec));
}

/*
 * A journal of an earlier version knows less of a file system, and has handles of FUSE's; and one
 * that was written where a filter forbade handles has none. What is known of both must be the same.
 */
static bool matches(const struct fileid *old, const struct fileid *now)
{
	return fsid_matches(old->filesystem, now->filesystem, now->dev) &&
	       (same_handle(old, now) || (old->handle_size == 0 && old->born >= 0) ||
		       (now->handle_size == 0 && strcmp(old->filesystem, now->filesystem) != 0));
}

bool fileid_equal(const struct fileid *a, const struct fileid *b)
{
	return same_inode(a, b) && (matches(a, b) || matches(b, a));
}

/* What is at hand for an answer. */
struct search {
	const struct fileid *id;
	const char *path;
	bool same_boot;
	int sure;   /* the object, or -1 */
	int likely; /* what may be a copy of it, or -1 */
	dev_t likely_dev;
	unsigned n_likely;	     /* of the same evidence, on as many file systems */
	enum disk_evidence evidence; /* of likely */
	/* How sure it is that its file system is mounted; DISK_NONE: it is not. */
	enum disk_evidence there;
	bool is_over; /* its device number is another file system's now */
	bool is_late;
	int error;
};

/* Keeps the better of two, and counts those that are as good. Takes the descriptor. */
static void take(struct search *s, int *fd, const struct fileid *now, enum disk_evidence evidence)
{
	if (evidence == DISK_SAME) {
		if (s->sure < 0)
			s->sure = steal_fd(fd);
		return;
	}
	if (s->likely >= 0 && evidence == s->evidence) {
		/* On another mount, it is the same one. */
		s->n_likely += s->likely_dev != now->dev;
		return;
	}
	if (s->likely >= 0 && evidence < s->evidence)
		return;
	if (s->likely >= 0)
		close(s->likely);
	s->likely = steal_fd(fd);
	s->likely_dev = now->dev;
	s->evidence = evidence;
	s->n_likely = 1;
}

/* Whether nothing but path and inode number identifies it, to a server or a process. */
static bool is_weak(const struct fileid *id)
{
	return fsid_is_source(id->filesystem) && id->handle_size == 0 && id->born < 0;
}

/* What the disk says of the object's file system, which matches by its identity. */
static enum disk_evidence judge(struct search *s, int fd, const struct fileid *now)
{
	const struct disk *disks;
	size_t n = disks_of(fd, now, &disks);
	bool has_disks = n > 0 || fsid_folder(now->filesystem, fd);
	/* Where no device is below, none is copied; and a number was the same one already. */
	enum disk_evidence evidence = !has_disks || fsid_is_of_boot(s->id->filesystem)
					      ? DISK_SAME
					      : disk_compare(&s->id->disk, s->same_boot, disks, n);

	/* Without sysfs, its disks are not known. */
	if (evidence == DISK_NONE || (has_disks && n == 0))
		evidence = DISK_UNKNOWN;
	/* Each mount of some FUSE file systems gives inode numbers as files are looked up. */
	const struct proc_mount *mount = is_weak(s->id) ? mounts_of(fd) : NULL;
	if (is_weak(s->id) && (!s->same_boot || !mount || mount->dev != s->id->disk.dev))
		evidence = DISK_UNKNOWN;
	if (s->there < evidence)
		s->there = evidence;
	return evidence;
}

/* By the name that it had. An unsafe way is no harm: what is found must be the object itself. */
static void look_at_path(struct search *s)
{
	struct fileid now;
	cleanup_fd int fd = reach_open(s->path);

	if (fd < 0) {
		s->is_late = errno == ATTEMPT_SILENT;
		return;
	}
	if (!look(fd, &now)) {
		s->error = errno;
		return;
	}
	if (!fsid_matches(s->id->filesystem, now.filesystem, now.dev))
		return;
	enum disk_evidence evidence = judge(s, fd, &now);
	if (matches(s->id, &now) && same_inode(s->id, &now))
		take(s, &fd, &now, evidence);
}

/* Whether the directory of the path lies on the file system. */
static bool has_directory(const struct search *s)
{
	cleanup_free char *directory =
		xstrndup(s->path, (size_t)(strrchr(s->path, '/') - s->path) + 1);
	const char *now = NULL;
	struct stat st;
	cleanup_fd int fd = reach_open(directory);

	return fd >= 0 && look_stat_fd(fd, &st) && (now = fsid_of(fd, &st)) != NULL &&
	       (fsid_matches(s->id->filesystem, now, st.st_dev) ||
		       fsid_same_base(s->id->filesystem, now));
}

/*
 * By its handle, on the file system that dir lies on. Only ESTALE says that it is not
 * there any more (open_by_handle_at(2)).
 */
static int open_handle(int dir, const struct fileid *id)
{
	union {
		struct file_handle header;
		char room[sizeof(struct file_handle) + FILEID_HANDLE_MAX];
	} handle = {.header.handle_bytes = id->handle_size, .header.handle_type = id->handle_type};

	memcpy(handle.header.f_handle, id->handle, id->handle_size);
	return open_by_handle_at(dir, &handle.header, O_PATH | O_CLOEXEC);
}

/* By its handle, on a file system that is the one, or a copy. */
static void look_by_handle(struct search *s, int dir, const struct fileid *root)
{
	struct fileid found;

	enum disk_evidence evidence = judge(s, dir, root);
	cleanup_fd int fd = open_handle(dir, s->id);
	if (fd < 0 && (errno == ESTALE || errno == ENOENT))
		return;
	if (fd < 0 || !look(fd, &found))
		s->error = errno;
	else if (same_inode(s->id, &found))
		take(s, &fd, &found, evidence);
}

/* Returns whether the file system of the mount has been looked at. */
static bool look_on_mount(struct search *s, const struct proc_mount *mount)
{
	struct fileid root = {0};
	struct stat st;

	cleanup_fd int point = reach_open(mount->point);
	/* A file can be a mount point, and a mount can lie below another one. */
	cleanup_fd int dir =
		point < 0 ? -1 : safepath_reopen(point, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	const struct proc_mount *own = dir < 0 ? NULL : mounts_of(dir);
	if (dir < 0 || fstat(dir, &st) < 0 || !(root.filesystem = fsid_of(dir, &st)) ||
		(own && own->id != mount->id))
		return false;
	root.dev = st.st_dev;
	if (fsid_matches(s->id->filesystem, root.filesystem, root.dev) ||
		fsid_same_base(s->id->filesystem, root.filesystem))
		look_by_handle(s, dir, &root);
	else if (s->same_boot && s->id->disk.dev == mount->dev &&
		 !fsid_says_less(s->id->filesystem, root.filesystem))
		s->is_over = true;
	return true;
}

/* Whether a mount can be the one, without a question to its file system. */
static bool is_candidate(const struct search *s, const struct proc_mount *mount)
{
	const struct fileid *id = s->id;

	/* An overlay asks what is below it, and has handles (OVL_FILEID_V0, _V1) only where it is
	 * told to. */
	if (fstype_may_hang(mount->type) ||
		(strcmp(mount->type, "overlay") == 0 && id->handle_type < 0xf8))
		return false;
	if (strncmp(id->filesystem, "btrfs:", strlen("btrfs:")) == 0)
		return strcmp(mount->type, "btrfs") == 0;
	return !fsid_is_volatile(id->filesystem) || !id->disk.dev || mount->dev == id->disk.dev;
}

/* Looks through all mounts: the file system may be mounted elsewhere now. */
static void look_on_mounts(struct search *s)
{
	const struct mounts *mounts = mounts_now();
	struct proc_mount *all = xcalloc(mounts->n + 1, sizeof *all);
	size_t n = 0;

	/* Of its own: the list can be another one as soon as something is mounted. */
	for (size_t i = 0; i < mounts->n; i++) {
		all[n] = mounts->all[i];
		if (!is_candidate(s, &all[n]))
			continue;
		all[n].point = xstrdup(all[n].point);
		n++;
	}
	if (!mounts->all)
		s->error = ENOENT;
	for (size_t i = 0; i < n; i++) {
		bool looked = s->sure >= 0;
		for (size_t j = 0; j < i && !looked; j++)
			looked = !all[j].id && all[j].dev == all[i].dev;
		/* 0: nothing is left to ask that one. */
		if (!looked && look_on_mount(s, &all[i]))
			all[i].id = 0;
	}
	for (size_t i = 0; i < n; i++)
		free(all[i].point);
	free(all);
}

/* What can be told only by the number of disks that have such a superblock. */
static bool is_unique(const struct search *s)
{
	char digits[33];

	return *fsid_digits(s->id->filesystem, digits) && disk_is_unique(digits);
}

static enum fileid_found say(char **why, enum fileid_found result, const char *text)
{
	*why = xstrdup(text);
	return result;
}

static enum fileid_found conclude_likely(struct search *s, int *fd, char **why)
{
	if (s->n_likely > 1)
		return say(why, FILEID_AMBIGUOUS, "more than one mounted file system has its UUID");
	*fd = steal_fd(&s->likely);
	if (s->evidence == DISK_UNKNOWN && is_unique(s))
		return FILEID_FOUND;
	if (fsid_is_source(s->id->filesystem))
		return say(why, FILEID_COPY,
			"its file system was mounted again, and does not keep inode numbers across "
			"mounts, so the file may be another one");
	return say(why, FILEID_COPY,
		s->evidence == DISK_UNKNOWN
			? "more than one disk may have the UUID of its file system, so the mounted "
			  "one may be a copy"
			: "the mounted file system has the UUID of its file system, but is on "
			  "another disk, so it may be a copy");
}

static enum fileid_found conclude_missing(const struct search *s, char **why)
{
	const struct fileid *id = s->id;

	if (s->is_over && fsid_is_volatile(id->filesystem))
		return say(why, FILEID_GONE,
			"its file system was unmounted, and its files did not outlast that");
	if (s->is_late && (id->handle_size == 0 || s->there < DISK_UNKNOWN))
		return say(why, FILEID_LATE,
			"a file system of its parent directories does not answer");
	if (s->there == DISK_OTHER)
		return say(why, FILEID_UNMOUNTED,
			"it is not on the mounted file system, which may be a copy of its own");
	if (s->there != DISK_NONE && (id->handle_size == 0 || fsid_is_source(id->filesystem)))
		return say(why, FILEID_UNTOLD,
			"another file has its name now, and its file system has no file handles by "
			"which to find it");
	if (s->there == DISK_SAME || (s->there == DISK_UNKNOWN && is_unique(s)))
		return say(why, FILEID_GONE, "it no longer exists");
	if (s->there == DISK_UNKNOWN)
		return say(why, FILEID_UNMOUNTED,
			"it is not on the mounted file system, and more than one disk may have the "
			"UUID of its file system");
	if ((id->handle_size == 0 || fsid_is_source(id->filesystem)) && has_directory(s))
		return say(why, FILEID_UNTOLD,
			"it is no longer at its path, and its file system has no file handles by "
			"which to find it");
	if (!s->same_boot && fsid_is_of_boot(id->filesystem))
		return say(
			why, FILEID_UNTOLD, "its file system cannot be identified after a reboot");
	return say(why, FILEID_UNMOUNTED, "its file system is not mounted");
}

/*
 * An earlier version wrote a device number for a file system that it could not identify: what
 * has the path, the handle and all the rest may be the object.
 */
static bool look_at_unidentified(struct search *s)
{
	struct fileid now;
	cleanup_fd int fd = reach_open(s->path);

	if (fd < 0 || !look(fd, &now) || !same_inode(s->id, &now) || !same_handle(s->id, &now) ||
		(now.handle_size == 0 && now.born < 0))
		return false;
	s->likely = steal_fd(&fd);
	return true;
}

/* tmpfs's (mm/shmem.c, shmem_encode_fh()): generation and inode number, in three words. */
static bool is_of_tmpfs(const struct fileid *id)
{
	uint32_t words[3];

	memcpy(words, id->handle, sizeof words);
	return id->handle_type == 1 && id->handle_size == sizeof words &&
	       ((uint64_t)words[2] << 32 | words[1]) == id->inode;
}

/* Also where an earlier version has written the UUID of a tmpfs, or the number of a devtmpfs. */
bool fileid_has_ended(const struct fileid *id, const char *path, bool same_boot)
{
	if (same_boot)
		return false;
	return fsid_is_volatile(id->filesystem) ||
	       (strncmp(id->filesystem, "uuid:", strlen("uuid:")) == 0 && is_of_tmpfs(id)) ||
	       (fsid_is_of_boot(id->filesystem) && strncmp(path, "/dev/", strlen("/dev/")) == 0);
}

enum fileid_found fileid_open(
	const struct fileid *id, const char *path, bool same_boot, int *fd, char **why)
{
	struct search s = {
		.id = id, .path = path, .same_boot = same_boot, .sure = -1, .likely = -1};
	enum fileid_found result;

	*fd = -1;
	*why = NULL;
	if (fileid_has_ended(id, path, same_boot))
		return say(why, FILEID_ENDED, "it did not outlast an earlier boot");
	/* The number is another one's now. */
	bool is_known = same_boot || !fsid_is_of_boot(id->filesystem);
	if (is_known)
		look_at_path(&s);
	if (s.sure < 0 && is_known && id->handle_size > 0 && !fsid_is_source(id->filesystem))
		look_on_mounts(&s);
	if (s.sure >= 0) {
		*fd = steal_fd(&s.sure);
		result = FILEID_FOUND;
	} else if (s.error) {
		*why = xasprintf("cannot look for it: %s", strerror(s.error));
		result = FILEID_FAILED;
	} else if (s.likely >= 0) {
		result = conclude_likely(&s, fd, why);
	} else if (fsid_is_of_boot(id->filesystem) && s.there == DISK_NONE &&
		   look_at_unidentified(&s)) {
		*fd = steal_fd(&s.likely);
		result = say(why, FILEID_COPY,
			"it was claimed by an earlier version, which did not record its file "
			"system");
	} else {
		result = conclude_missing(&s, why);
	}
	if (s.likely >= 0)
		close(s.likely);
	return result;
}

enum fileid_found fileid_open_snapshot(const struct fileid *id, const char *path, int *fd)
{
	struct fileid now;
	cleanup_fd int file = reach_open(path);

	*fd = -1;
	if (file < 0 || !look(file, &now))
		return FILEID_GONE;
	/* bcachefs has the subvolume in the handle alone. */
	if (!fsid_same_base(id->filesystem, now.filesystem) || !same_inode(id, &now) ||
		id->handle_size == 0 || now.born < 0 || same_handle(id, &now))
		return FILEID_GONE;
	*fd = steal_fd(&file);
	return FILEID_SNAPSHOT;
}
