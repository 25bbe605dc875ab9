/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/new_image.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "launch/creds.h"
#include "launch/environment.h"
#include "launch/launch.h"
#include "path/absolute.h"
#include "path/place.h"
#include "path/safepath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define IMAGE_FD 3

/* Whom a new image is to belong to, and with which mode. */
struct belonging {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

static bool is_size(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && digits < 19 && text[0] != '0' &&
	       (text[digits] == '\0' || (strchr("KMGT", text[digits]) && !text[digits + 1]));
}

/* The part of a --backing before its last comma, where two are one; NULL: it has none. */
static char *backing_path(const char *text, const char *comma)
{
	char *path = xstrndup(text, (size_t)(comma - text)), *to = path;

	for (const char *p = path; *p; p++) {
		if (p[0] == ',' && p[1] == ',')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	return path;
}

bool new_image_parse(struct new_image *image, const char *size, const char *backing, char **error)
{
	const char *comma = backing ? strrchr(backing, ',') : NULL;

	*image = (struct new_image){.size = size};
	if (!is_size(size))
		return error_set(error, "--create %s: expected a size, such as 20G", size);
	if (!backing)
		return true;
	if (!comma || (strcmp(comma, ",raw") != 0 && strcmp(comma, ",qcow2") != 0))
		return error_set(error,
			"--backing %s: expected PATH,raw or PATH,qcow2; the format is never probed",
			backing);
	cleanup_free char *path = backing_path(backing, comma);
	image->format = xstrdup(comma + 1);
	return (*path || error_set(error, "empty path")) &&
	       (image->backing = absolute_path(path, error)) != NULL;
}

void new_image_free(struct new_image *image)
{
	free(image->backing);
	free(image->format);
	*image = (struct new_image){0};
}

/*
 * Whom it belongs to
 */

static void take_from(
	const struct journal *journal, const struct fileid *id, struct belonging *belonging)
{
	const struct entry *e = NULL;

	while ((e = journal_find(journal, id, e)) != NULL)
		if (e->kind == ENTRY_OWNER)
			*belonging = (struct belonging){e->old_uid, e->old_gid, e->mode};
}

/* What the journal of any VM has of it, if it is claimed. */
static bool take_recorded(const struct safepath *walk, struct belonging *belonging, char **error)
{
	struct journal **all = NULL;
	struct fileid id;
	bool all_read = true;
	size_t n = 0;

	if (!fileid_of(walk->fd, &id, error) || !journal_lock(false, error))
		return false;
	bool is_any = journal_directory() >= 0;
	bool good = !is_any || journal_read_all(&all, &n, &all_read, error);
	if (good && is_any) {
		for (size_t i = 0; i < n; i++)
			take_from(all[i], &id, belonging);
		good = all_read || error_set(error,
					   "cannot determine whom %s belongs to: a journal cannot "
					   "be read; see above",
					   walk->path);
		journal_free_all(all, n);
	}
	journal_unlock();
	return good;
}

/* Whom the backing file belongs to. What root may have been led to is nobody's template. */
static bool take_backing(const char *path, struct belonging *belonging, char **error)
{
	struct safepath walk;

	if (!safepath_open(path, &walk, error))
		return false;
	bool is_node = S_ISBLK(walk.st.st_mode);
	bool good = S_ISREG(walk.st.st_mode) || is_node ||
		    error_set(error, "%s is neither a regular file nor a block device", path);
	/* The owner of a volume's node is no owner of files. */
	if (good && !is_node) {
		*belonging = (struct belonging){walk.st.st_uid, walk.st.st_gid, walk.st.st_mode};
		good = take_recorded(&walk, belonging, error);
		safepath_judge(&walk, belonging->uid);
	}
	if (good && walk.unsafe)
		good = error_set(error, "%s: %s", path, walk.unsafe);
	safepath_close(&walk);
	return good;
}

static bool choose_owner(const struct new_image *image, const struct place *place,
	struct belonging *belonging, char **error)
{
	*belonging = (struct belonging){0, 0, 0600};
	if (image->backing && !take_backing(image->backing, belonging, error))
		return false;
	/* In a directory of somebody's, root makes files for nobody else. */
	if (place->dir_st.st_uid != 0) {
		belonging->uid = place->dir_st.st_uid;
		belonging->gid = place->dir_st.st_gid;
	}
	belonging->mode = (belonging->mode & 0666) | 0600;
	return true;
}

/*
 * qemu-img
 */

static _Noreturn void become_qemu_img(
	const struct new_image *image, const char *program, int fd, const struct identity *identity)
{
	const char *words[] = {"qemu-img", "create", "-q", "-u", "-f", "qcow2", "-b",
		image->backing, "-F", image->format, "/proc/self/fd/3", image->size, NULL};
	const char *without[] = {
		"qemu-img", "create", "-q", "-f", "qcow2", "/proc/self/fd/3", image->size, NULL};
	char **environment = environment_reduce(environ, identity, NULL, 0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || !io_replace_fd(IMAGE_FD, fd, 0) || !io_replace_fd(STDIN_FILENO, null, 0) ||
		!io_replace_fd(STDOUT_FILENO, STDERR_FILENO, 0) ||
		syscall(SYS_close_range, IMAGE_FD + 1, ~0U, 0) < 0 || chdir("/") < 0) {
		warn_errno("cannot prepare qemu-img");
		_exit(LAUNCH_FAILED);
	}
	/* Root's terminal is not one of the account's. */
	setsid();
	creds_drop(&(struct creds){.identity = identity});
	execve(program, (char *const *)(image->backing ? words : without), environment);
	warn_errno("cannot execute %s", program);
	_exit(LAUNCH_FAILED);
}

static bool run_qemu_img(
	const struct new_image *image, int fd, const struct identity *identity, char **error)
{
	cleanup_free char *program = NULL;
	int number = launch_search("qemu-img", &program), status;

	if (number != 0)
		return error_set(
			error, "cannot execute qemu-img: %s; install it", strerror(number));
	pid_t pid = fork();
	if (pid == 0)
		become_qemu_img(image, program, fd, identity);
	if (pid < 0)
		return error_set_errno(error, "cannot fork a process for qemu-img");
	if (IO_RETRY(waitpid(pid, &status, 0)) < 0)
		return error_set_errno(error, "cannot wait for qemu-img");
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       error_set(error, "cannot create %s: qemu-img failed, as %s; see above", image->path,
		       identity->user);
}

/* In the directory, without a name. */
static bool write_image(const struct new_image *image, int fd, const struct belonging *belonging,
	const struct identity *identity, char **error)
{
	if (fchown(fd, identity->uid, identity->gid) < 0)
		return error_set_errno(error, "cannot change the owner of %s", image->path);
	if (!run_qemu_img(image, fd, identity, error))
		return false;
	if (fchown(fd, belonging->uid, belonging->gid) < 0 || fchmod(fd, belonging->mode) < 0)
		return error_set_errno(error, "cannot change the owner of %s", image->path);
	return io_sync(fd) || error_set_errno(error, "cannot write %s", image->path);
}

static bool make_at(const struct new_image *image, const struct place *place,
	const struct identity *identity, char **error)
{
	struct belonging belonging;

	if (place->exists)
		return error_set(error, "%s already exists; use another name", image->path);
	if (place->walk.unsafe)
		return error_set(error, "%s: %s", image->path, place->walk.unsafe);
	if (!choose_owner(image, place, &belonging, error))
		return false;
	cleanup_fd int fd = openat(place->dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_set_errno(error,
			"cannot create a file in %s; create %s with qemu-img, and claim it without "
			"--create",
			place->dir_path, image->path);
	if (!write_image(image, fd, &belonging, identity, error))
		return false;
	return linkat(AT_FDCWD, IO_FD_PATH(fd), place->dir, place->name, AT_SYMLINK_FOLLOW) == 0 ||
	       error_set_errno(error, "cannot create %s", image->path);
}

bool new_image_make(struct new_image *image, struct claim_rounds *rounds, char **error)
{
	const struct claim_request *disk = &rounds->requests->all[0];
	const struct identity *identity = claims_identity(&rounds->plan, NULL, error);
	struct place place;

	image->path = disk->path;
	if (!identity)
		return false;
	if (disk->action != ACTION_CLAIM)
		return error_set(
			error, "--create cannot be used with ,readonly or ,shared: %s", disk->path);
	image->is_made =
		place_find(image->path, &place, error) && make_at(image, &place, identity, error);
	place_close(&place);
	return image->is_made;
}

void new_image_remove(const struct new_image *image)
{
	cleanup_free char *error = NULL;
	struct place place;

	if (place_find(image->path, &place, &error) && place.exists && !place.walk.unsafe &&
		unlinkat(place.dir, place.name, 0) < 0)
		warn_errno("cannot remove %s", image->path);
	place_close(&place);
}
