/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/conffile.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "path/absolute.h"
#include "path/lockers.h"
#include "path/roots.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define LOCK_SECONDS 30

/* Reading. */

bool conffile_stat(int fd, const char *path, struct stat *st, char **error)
{
	if (fstat(fd, st) < 0)
		return error_set_errno(error, "cannot examine the settings file %s", path);
	if (!S_ISREG(st->st_mode))
		return error_set(error, "cannot read settings from %s: not a regular file", path);
	return true;
}

bool conffile_read_text(
	int fd, const char *path, const struct stat *st, struct conftext *text, char **error)
{
	if (st->st_size > (off_t)CONF_MAX_SIZE)
		return error_set(error, "cannot read settings from %s: larger than %zu bytes", path,
			CONF_MAX_SIZE);
	size_t size = (size_t)st->st_size;
	cleanup_free char *bytes = xmalloc(size + 1);
	/* One byte more than there should be shows a file that grows meanwhile. */
	ssize_t length = io_read_up_to(fd, bytes, size + 1);

	if (length < 0)
		return error_set_errno(error, "cannot read the settings file %s", path);
	if ((size_t)length != size)
		return error_set(error,
			"cannot read settings from %s: the file changed while it was read; try "
			"again",
			path);
	*text = conftext_new(bytes, size);
	return true;
}

bool conffile_is_missing(const char *path, char **error)
{
	struct stat link;

	if (lstat(path, &link) < 0)
		return true;
	return error_set(error,
		"%s is a dangling symbolic link: restore its target, or remove the link", path);
}

bool conffile_read(const char *path, struct conffile *file, char **error)
{
	/* Non-blocking: a fifo in its place must not stop the program here. */
	cleanup_fd int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	*file = CONFFILE_NONE;
	file->path = path;
	if (fd < 0 && errno != ENOENT)
		return error_set_errno(error, "cannot open the settings file %s", path);
	if (fd < 0)
		return conffile_is_missing(path, error);
	if (!conffile_stat(fd, path, &file->st, error) ||
		!conffile_read_text(fd, path, &file->st, &file->text, error))
		return false;
	file->fd = steal_fd(&fd);
	return true;
}

char *conffile_distrust(const struct conffile *file)
{
	cleanup_free char *why =
		roots_why_not(file->fd, &file->st, file->path, "check its content", NULL);
	cleanup_free char *error = NULL;
	cleanup_free char *absolute = absolute_path(file->path, &error);
	struct safepath walk;

	if (why)
		return steal_pointer(&why);
	/* Or who could have moved another file of root's there. */
	if (!absolute || !safepath_open(absolute, &walk, &error))
		return steal_pointer(&error);
	why = walk.unsafe ? xstrdup(walk.unsafe) : NULL;
	safepath_close(&walk);
	return steal_pointer(&why);
}

/* The file's directory, and the lock. */

/* A directory that was walked to once more, for reading. */
static int reopen_directory(int walked, const char *path, char **error)
{
	int fd = openat(walked, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		error_set_errno(error, "cannot open the directory of %s", path);
	return fd;
}

/* The directory of a file that is there, and in *real where that is. */
static int directory_of(const char *path, const struct safepath *walk, char **real, char **error)
{
	if (walk->unsafe) {
		error_set(error, "cannot edit %s: %s", path, walk->unsafe);
		return -1;
	}
	*real = xstrdup(walk->path);
	return reopen_directory(walk->dirs[walk->n_dirs - 1]->fd, path, error);
}

/* The directory in which the file would be made, likewise. */
static int directory_for(const char *path, const struct safepath *walk, char **real, char **error)
{
	if (walk->unsafe) {
		error_set(error, "cannot edit %s: %s", path, walk->unsafe);
		return -1;
	}
	cleanup_free char *why =
		roots_why_not(walk->fd, &walk->st, walk->path, "look into it", NULL);
	if (why) {
		error_set(error,
			"cannot create %s: its directory is writable by users other than root: %s",
			path, why);
		return -1;
	}
	*real = xasprintf(
		"%s/%s", strcmp(walk->path, "/") == 0 ? "" : walk->path, strrchr(path, '/') + 1);
	return reopen_directory(walk->fd, path, error);
}

/*
 * Walks to path, and to its directory where there is no such file yet. Returns the
 * directory's descriptor, and in *real, new, where the file is, without symbolic links; -1.
 */
static int find_directory(const char *path, char **real, char **error)
{
	struct safepath walk;
	int dir;

	if (safepath_open(path, &walk, error)) {
		dir = directory_of(path, &walk, real, error);
		safepath_close(&walk);
		return dir;
	}
	if (errno != ENOENT)
		return -1;
	free(steal_pointer(error));
	if (!conffile_is_missing(path, error))
		return -1;
	cleanup_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path) + 1);
	if (!safepath_open(parent, &walk, error))
		return -1;
	dir = directory_for(path, &walk, real, error);
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
static bool refuse_locked(int dir, const char *path, char **error)
{
	struct stat st = {0};
	pid_t pid;

	fstat(dir, &st);
	cleanup_free char *who = lockers_name(&st, LOCKERS_FLOCK, &pid);
	return error_set(error,
		"the directory of %s has been locked for %d s by %s; end it, then try again", path,
		LOCK_SECONDS, who);
}

/*
 * The lock is one of the directory, which stays what it is while files in it are replaced,
 * and leaves nothing behind.
 */
static bool lock_directory(int dir, const char *path, char **error)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	time_t end = now() + LOCK_SECONDS;

	while (flock(dir, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error, "cannot lock the directory of %s", path);
		if (now() >= end)
			return refuse_locked(dir, path, error);
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool is_same_directory(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

/* The files of an edit, found again once the lock is held, as both may have changed. */
static bool find_and_lock(const char *path, struct conffile *file, char **error)
{
	for (;;) {
		cleanup_free char *before = NULL;
		cleanup_free char *real = NULL;
		cleanup_fd int dir = find_directory(path, &before, error);
		if (dir < 0 || !lock_directory(dir, path, error))
			return false;
		cleanup_fd int again = find_directory(path, &real, error);
		if (again < 0)
			return false;
		if (is_same_directory(dir, again) && strcmp(before, real) == 0) {
			file->dir = steal_fd(&dir);
			file->real = steal_pointer(&real);
			file->name = strrchr(file->real, '/') + 1;
			return true;
		}
	}
}

static bool insist_on_trust(const struct conffile *file, char **error)
{
	cleanup_free char *distrust = conffile_distrust(file);

	if (distrust)
		return error_set(
			error, "cannot trust the settings in %s: %s", file->path, distrust);
	if (file->st.st_nlink > 1)
		return error_set(error,
			"cannot edit %s: it has %lu hard links; list them: find / -xdev -inum %lu",
			file->path, (unsigned long)file->st.st_nlink,
			(unsigned long)file->st.st_ino);
	return true;
}

bool conffile_open(const char *path, bool make_directory, struct conffile *file, char **error)
{
	cleanup_free char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	*file = CONFFILE_NONE;
	file->path = path;
	if (make_directory && mkdir(parent, 0755) < 0 && errno != EEXIST)
		return error_set_errno(error, "cannot create the directory %s", parent);
	if (!find_and_lock(path, file, error))
		return false;
	file->fd = openat(
		file->dir, file->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (file->fd < 0 && errno == ENOENT) {
		file->text = conftext_new("", 0);
		return true;
	}
	if (file->fd < 0)
		return error_set_errno(error, "cannot open %s", path);
	return conffile_stat(file->fd, path, &file->st, error) &&
	       conffile_read_text(file->fd, path, &file->st, &file->text, error) &&
	       insist_on_trust(file, error);
}

/* Replacing. */

/*
 * The value of an attribute, or without a name the names of all, each with a NUL: new; its length,
 * or -1 and errno. It may grow while it is read. A size of 0 would ask for the length alone, and
 * so there is always room for a byte more.
 */
static ssize_t get_attribute(int fd, const char *name, char **value)
{
	*value = NULL;
	for (;;) {
		ssize_t n = name ? fgetxattr(fd, name, NULL, 0) : flistxattr(fd, NULL, 0);
		if (n < 0)
			return -1;
		size_t room = (size_t)n + 1;
		*value = xreallocarray(*value, room, 1);
		n = name ? fgetxattr(fd, name, *value, room) : flistxattr(fd, *value, room);
		if (n >= 0 || errno != ERANGE)
			return n;
	}
}

/* The same of the names, of which there are none where there are no attributes. */
static ssize_t list_attributes(int fd, char **names)
{
	ssize_t length = get_attribute(fd, NULL, names);

	return length < 0 && errno == ENOTSUP ? 0 : length;
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
	ssize_t given = get_attribute(to, name, &there);
	if (given >= 0 && given == n && memcmp(wanted, there, (size_t)n) == 0)
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

static const char *why_not_renamed(int number)
{
	if (number == EBUSY)
		return "it is a mount point and cannot be replaced; edit the mounted file";
	if (number == EEXIST)
		return "another process has created it in the meantime; try again";
	return "cannot rename the new file";
}

static bool fail_replace(const struct conffile *file, const char *what, char **error)
{
	return error_set_errno(error, "%s is unchanged: %s", file->path, what);
}

/* Fills the temporary file. */
static bool write_new(
	const struct conffile *file, int fd, const struct conftext *text, char **error)
{
	if (!io_write_all(fd, text->bytes, text->length))
		return fail_replace(file, "cannot write the new file", error);
	if (file->fd >= 0 && !copy_metadata(file, fd))
		return fail_replace(file,
			"cannot copy owner, mode, ACL and extended attributes to the new file",
			error);
	if (file->fd < 0 && (fchown(fd, 0, 0) < 0 || fchmod(fd, 0600) < 0))
		return fail_replace(file, "cannot set owner and mode of the new file", error);
	if (!io_sync(fd))
		return fail_replace(file, "cannot sync the new file", error);
	return true;
}

static bool rename_new(const struct conffile *file, const char *temporary, char **error)
{
	if (!is_unchanged(file))
		return error_set(error,
			"%s was not replaced: another process has changed it in the meantime; try "
			"again",
			file->path);
	if (renameat2(file->dir, temporary, file->dir, file->name,
		    file->fd < 0 ? RENAME_NOREPLACE : 0U) < 0)
		return fail_replace(file, why_not_renamed(errno), error);
	return true;
}

bool conffile_replace(struct conffile *file, const struct conftext *text, char **error)
{
	/* One name for all, under the lock: what an interrupted edit left goes away here. */
	cleanup_free char *temporary = xasprintf(".%s.virt-priv-conf", file->name);

	if (text->length > CONF_MAX_SIZE)
		return error_set(error,
			"%s is unchanged: the new file would be larger than %zu bytes", file->path,
			CONF_MAX_SIZE);
	if (unlinkat(file->dir, temporary, 0) < 0 && errno != ENOENT)
		return error_set_errno(error, "%s is unchanged: cannot remove %s in its directory",
			file->path, temporary);
	cleanup_fd int fd = openat(
		file->dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error, "%s is unchanged: cannot create %s in its directory",
			file->path, temporary);
	if (!write_new(file, fd, text, error) || !rename_new(file, temporary, error)) {
		unlinkat(file->dir, temporary, 0);
		return false;
	}
	if (!io_sync(file->dir))
		return error_set_errno(error,
			"%s is changed, but may not be after a crash: cannot sync its directory",
			file->path);
	return true;
}

bool conffile_remove(struct conffile *file, char **error)
{
	if (!is_unchanged(file))
		return error_set(error,
			"%s was not removed: another process has changed it in the meantime; try "
			"again",
			file->path);
	if (unlinkat(file->dir, file->name, 0) < 0)
		return fail_replace(file, "cannot remove it", error);
	if (!io_sync(file->dir))
		return error_set_errno(error,
			"%s is removed, but may not be after a crash: cannot sync its directory",
			file->path);
	return true;
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
	*file = CONFFILE_NONE;
}
