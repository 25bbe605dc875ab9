/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/conffile.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/lockers.h"
#include "path/place.h"
#include "path/safepath.h"
#include "path/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SECONDS 30

/* Reading. */

static void read_text(struct conffile *file)
{
	if (!S_ISREG(file->st.st_mode))
		die("can't read settings from %s: it is not a regular file", file->path);
	if (file->st.st_size > (off_t)CONF_MAX_SIZE)
		die("can't read settings from %s: it is larger than %zu bytes", file->path,
			CONF_MAX_SIZE);
	size_t size = (size_t)file->st.st_size;
	size_t length = 0;
	cleanup_free char *bytes = xmalloc(size + 1);
	ssize_t n;

	/* One byte more than there should be shows a file that grows meanwhile. */
	while (length <= size && (n = read(file->fd, bytes + length, size + 1 - length)) != 0) {
		if (n < 0 && errno != EINTR)
			die_errno("can't read %s", file->path);
		length += n > 0 ? (size_t)n : 0;
	}
	if (length != size)
		die("can't read settings from %s: it changed meanwhile; try again", file->path);
	file->text = conftext_new(bytes, length);
}

static void refuse_dangling_link(const char *path)
{
	struct stat link;

	if (lstat(path, &link) == 0)
		die("%s is a symbolic link to a file that does not exist: restore that file, or "
		    "remove the link",
			path);
}

bool conffile_read(const char *path, struct conffile *file)
{
	/* Non-blocking: a fifo in its place must not stop the program here. */
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct conffile read = {.path = path, .dir = -1};

	if (fd < 0 && errno != ENOENT)
		die_errno("can't open the settings file %s", path);
	if (fd < 0) {
		refuse_dangling_link(path);
		return false;
	}
	if (fstat(fd, &read.st) < 0)
		die_errno("can't examine the settings file %s", path);
	read.fd = steal_fd(&fd);
	read_text(&read);
	*file = read;
	return true;
}

char *conffile_distrust(const struct conffile *file)
{
	cleanup_free char *why =
		trust_why_not_roots(file->fd, &file->st, file->path, "check what it says");
	cleanup_free char *absolute = place_absolute(file->path);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (why)
		return steal_pointer(&why);
	/* Or who could have moved another file of root's there. */
	if (!safepath_open(absolute, &walk, &error))
		return steal_pointer(&error);
	why = walk.unsafe ? xstrdup(walk.unsafe) : NULL;
	safepath_close(&walk);
	return steal_pointer(&why);
}

/* The way to the file, and the lock. */

/* A directory that was walked to once more, for reading. */
static int reopen_directory(int walked, const char *path)
{
	int fd = openat(walked, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die_errno("can't open the directory of %s", path);
	return fd;
}

static void refuse_unsafe(const char *path, const struct safepath *walk)
{
	if (walk->unsafe)
		die("can't edit %s: %s", path, walk->unsafe);
}

/*
 * Walks to path, and to its directory where there is no such file yet. Returns the
 * directory's descriptor, and in *real where the file is, without symbolic links.
 */
static int find_directory(const char *path, char **real)
{
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (safepath_open(path, &walk, &error)) {
		refuse_unsafe(path, &walk);
		int dir = reopen_directory(walk.dirs[walk.n_dirs - 1]->fd, path);
		*real = xstrdup(walk.path);
		safepath_close(&walk);
		return dir;
	}
	if (errno != ENOENT)
		die("%s", error);
	refuse_dangling_link(path);
	cleanup_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	free(steal_pointer(&error));
	if (!safepath_open(parent, &walk, &error))
		die("%s", error);
	refuse_unsafe(path, &walk);
	cleanup_free char *why = trust_why_not_roots(walk.fd, &walk.st, walk.path, "look into it");
	if (why)
		die("can't make %s: others than root can write to its directory: %s", path, why);
	int dir = reopen_directory(walk.fd, path);
	*real = xasprintf(
		"%s/%s", strcmp(walk.path, "/") == 0 ? "" : walk.path, strrchr(path, '/') + 1);
	safepath_close(&walk);
	return dir;
}

/* In seconds, of a clock that nobody sets. */
static time_t now(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* Whoever may read the directory can lock it. */
static _Noreturn void refuse_locked(int dir, const char *path)
{
	struct stat st = {0};
	pid_t pid;

	fstat(dir, &st);
	cleanup_free char *who = lockers_name(&st, LOCKERS_FLOCK, &pid);
	die("%s has held the directory of %s locked for %d s; end it, then try again", who, path,
		LOCK_SECONDS);
}

/*
 * The lock is one of the directory, which stays what it is while files in it are replaced,
 * and leaves nothing behind.
 */
static void lock_directory(int dir, const char *path)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	time_t end = now() + LOCK_SECONDS;

	while (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			die_errno("can't lock the directory of %s", path);
		if (now() >= end)
			refuse_locked(dir, path);
		nanosleep(&pause, NULL);
	}
}

static bool is_same_directory(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The files of an edit, found again once the lock is held, as both may have changed. */
static void find_and_lock(const char *path, struct conffile *file)
{
	for (;;) {
		cleanup_free char *before = NULL;
		cleanup_fd int dir = find_directory(path, &before);
		lock_directory(dir, path);
		cleanup_fd int again = find_directory(path, &file->real);
		if (is_same_directory(dir, again) && strcmp(before, file->real) == 0) {
			file->dir = steal_fd(&dir);
			file->name = strrchr(file->real, '/') + 1;
			return;
		}
		free(steal_pointer(&file->real));
	}
}

void conffile_open(const char *path, bool make_directory, struct conffile *file)
{
	cleanup_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	*file = (struct conffile){.path = path, .fd = -1};
	if (make_directory && mkdir(parent, 0755) < 0 && errno != EEXIST)
		die_errno("can't make the directory %s", parent);
	find_and_lock(path, file);
	file->fd = openat(
		file->dir, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0 && errno == ENOENT) {
		file->text = conftext_new("", 0);
		return;
	}
	if (file->fd < 0 || fstat(file->fd, &file->st) < 0)
		die_errno("can't open %s", path);
	read_text(file);
	cleanup_free char *distrust = conffile_distrust(file);
	if (distrust)
		die("can't trust the settings in %s: %s", path, distrust);
	if (file->st.st_nlink > 1)
		die("can't edit %s: it has %lu names, and only this one would have the new "
		    "text; find / -xdev -inum %lu lists them",
			path, (unsigned long)file->st.st_nlink, (unsigned long)file->st.st_ino);
}

/* Replacing. */

static bool write_all(int fd, const struct conftext *text)
{
	for (size_t done = 0; done < text->length;) {
		ssize_t n = write(fd, text->bytes + done, text->length - done);
		if (n < 0 && errno != EINTR)
			return false;
		done += n > 0 ? (size_t)n : 0;
	}
	return true;
}

static bool sync_fd(int fd)
{
	int result;

	do
		result = fsync(fd);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

/* The names of all attributes, each with a NUL, new; their length, or -1 and errno. */
static ssize_t list_attributes(int fd, char **names)
{
	*names = NULL;
	for (;;) {
		ssize_t room = flistxattr(fd, NULL, 0);
		if (room < 0)
			return errno == ENOTSUP ? 0 : -1;
		*names = xreallocarray(*names, (size_t)room, 1);
		ssize_t n = flistxattr(fd, *names, (size_t)room);
		if (n >= 0 || errno != ERANGE)
			return n;
	}
}

/* Its length, or -1 and errno. *value is new. */
static ssize_t get_attribute(int fd, const char *name, char **value)
{
	*value = NULL;
	for (;;) {
		ssize_t room = fgetxattr(fd, name, NULL, 0);
		if (room < 0)
			return -1;
		*value = xreallocarray(*value, (size_t)room, 1);
		ssize_t n = fgetxattr(fd, name, *value, (size_t)room);
		if (n >= 0 || errno != ERANGE)
			return n;
	}
}

/* These vouch for the content of one inode (evm, ima); the kernel makes them anew. */
static bool is_of_content(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

static bool copy_attribute(int from, int to, const char *name)
{
	cleanup_free char *wanted = NULL;
	cleanup_free char *there = NULL;
	ssize_t n = get_attribute(from, name, &wanted);

	if (n < 0)
		return false;
	/* What policy has given the new file already need not be asked for. */
	if (get_attribute(to, name, &there) == n && memcmp(wanted, there, (size_t)n) == 0)
		return true;
	return fsetxattr(to, name, wanted, (size_t)n, 0) == 0;
}

static bool has_attribute(int fd, const char *name)
{
	return fgetxattr(fd, name, NULL, 0) >= 0;
}

/*
 * Owner first, since chown(2) clears bits of the mode; then the attributes, of which the ACL
 * sets the mode's group bits; the mode last. A directory's default ACL may have given the
 * new file one that the old one does not have.
 */
static bool copy_metadata(const struct conffile *file, int to)
{
	cleanup_free char *names = NULL;
	cleanup_free char *new_names = NULL;
	ssize_t length = list_attributes(file->fd, &names);
	ssize_t new_length = list_attributes(to, &new_names);

	if (length < 0 || new_length < 0 || fchown(to, file->st.st_uid, file->st.st_gid) < 0)
		return false;
	for (const char *name = new_names; name < new_names + new_length; name += strlen(name) + 1)
		if (strncmp(name, "security.", 9) != 0 && !has_attribute(file->fd, name) &&
			fremovexattr(to, name) < 0)
			return false;
	for (const char *name = names; name < names + length; name += strlen(name) + 1)
		if (!is_of_content(name) && !copy_attribute(file->fd, to, name))
			return false;
	return fchmod(to, file->st.st_mode & 07777) == 0;
}

/* Whether the file is still the one that was read, byte for byte as far as the kernel tells. */
static bool is_unchanged(const struct conffile *file)
{
	struct stat named, opened;

	if (fstatat(file->dir, file->name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return file->fd < 0 && errno == ENOENT;
	return file->fd >= 0 && fstat(file->fd, &opened) == 0 && named.st_dev == file->st.st_dev &&
	       named.st_ino == file->st.st_ino && opened.st_size == file->st.st_size &&
	       opened.st_mtim.tv_sec == file->st.st_mtim.tv_sec &&
	       opened.st_mtim.tv_nsec == file->st.st_mtim.tv_nsec &&
	       opened.st_ctim.tv_sec == file->st.st_ctim.tv_sec &&
	       opened.st_ctim.tv_nsec == file->st.st_ctim.tv_nsec;
}

/* Takes the temporary file away and ends with the message, and errno's if there is one. */
static _Noreturn void give_up(
	const struct conffile *file, const char *temporary, int number, const char *what)
{
	unlinkat(file->dir, temporary, 0);
	errno = number;
	if (number)
		die_errno("%s is as it was: %s", file->path, what);
	die("%s is as it was: %s", file->path, what);
}

static const char *why_not_renamed(int number)
{
	if (number == EBUSY)
		return "it is a mount point, so it can't be replaced; edit it where it comes from";
	if (number == EEXIST)
		return "somebody else has made it meanwhile; try again";
	return "the new file can't take its place";
}

void conffile_replace(struct conffile *file, const struct conftext *text)
{
	/* One name for all, under the lock: what an interrupted edit left goes away here. */
	cleanup_free char *temporary = xasprintf(".%s.virt-priv-conf", file->name);

	if (text->length > CONF_MAX_SIZE)
		die("%s is as it was: it would become larger than %zu bytes", file->path,
			CONF_MAX_SIZE);
	if (unlinkat(file->dir, temporary, 0) < 0 && errno != ENOENT)
		die_errno("%s is as it was: can't remove %s beside it", file->path, temporary);
	cleanup_fd int fd = openat(
		file->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		die_errno("%s is as it was: can't make %s beside it", file->path, temporary);
	if (!write_all(fd, text))
		give_up(file, temporary, errno, "can't write the new file");
	if (file->fd >= 0 && !copy_metadata(file, fd))
		give_up(file, temporary, errno,
			"can't give its owner, mode, ACL and attributes to the new file");
	if (file->fd < 0 && (fchown(fd, 0, 0) < 0 || fchmod(fd, 0600) < 0))
		give_up(file, temporary, errno, "can't give the new file to root alone");
	if (!sync_fd(fd))
		give_up(file, temporary, errno, "can't sync the new file");
	if (!is_unchanged(file))
		give_up(file, temporary, 0, "somebody else has changed it meanwhile; try again");
	if (renameat2(file->dir, temporary, file->dir, file->name,
		    file->fd < 0 ? RENAME_NOREPLACE : 0U) < 0)
		give_up(file, temporary, errno, why_not_renamed(errno));
	if (!sync_fd(file->dir))
		die_errno("%s is changed, but whether it still is after a crash is uncertain: "
			  "can't sync its directory",
			file->path);
}

void conffile_unlock(struct conffile *file)
{
	if (file->dir >= 0)
		close(file->dir);
	file->dir = -1;
}

void conffile_close(struct conffile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	conffile_unlock(file);
	free(file->real);
	conftext_free(&file->text);
	*file = (struct conffile){.fd = -1, .dir = -1};
}
