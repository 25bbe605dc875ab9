/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/visit.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "base/process.h"
#include "claims/claims.h"
#include "claims/journal.h"
#include "isolate/mounts.h"
#include "path/fileid.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_MOUNTINFO ((size_t)16 * 1024 * 1024)

/* Whether it has the same root directory as this process. thread: one that goes on. */
static bool has_other_root(pid_t pid, pid_t thread, bool *has, char **error)
{
	cleanup_free char *path = xasprintf("/proc/%d/task/%d/root/", pid, thread);
	struct stat theirs, ours;

	if (stat(path, &theirs) < 0 || stat("/", &ours) < 0)
		return error_set_errno(
			error, "cannot examine the root directory of process %d", pid);
	*has = theirs.st_dev != ours.st_dev || theirs.st_ino != ours.st_ino;
	return true;
}

/*
 * A pidfd leads to the namespaces of the first thread alone, which can have ended
 * (kernel/nsproxy.c, validate_nsset()).
 */
static int open_namespace(pid_t pid, pid_t thread, char **error)
{
	cleanup_free char *path = xasprintf("/proc/%d/task/%d/ns/mnt", pid, thread);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		error_set_errno(error, "cannot open the mount namespace of process %d", pid);
	return fd;
}

/* Whether the holder lives. False: it does not; or a new message, where that can't be told. */
static bool lives(const struct journal *journal, char **error)
{
	unsigned long long start;

	return process_start(journal->holder, &start, error) && start == journal->holder_start;
}

int visit_open(const struct journal *journal, char **error)
{
	bool has = false;

	*error = NULL;
	if (!journal->holder || journal->holder_namespace != process_namespace() ||
		!lives(journal, error))
		return -1;
	pid_t thread = process_living_thread(journal->holder);
	if (!thread || !has_other_root(journal->holder, thread, &has, error) || !has)
		return -1;
	cleanup_fd int namespace = open_namespace(journal->holder, thread, error);
	/* Its number was no other process's meanwhile. */
	return namespace >= 0 && lives(journal, error) ? steal_fd(&namespace) : -1;
}

/* In the child: what it ends with is an errno. */
static int enter(int namespace)
{
	return setns(namespace, CLONE_NEWNS) < 0 ? errno : 0;
}

/* Whether it can be used there as by the mount: an add that was cut off is repeated. */
static bool is_there(int place, int tree)
{
	const unsigned long flags = ST_RDONLY | ST_NODEV;
	struct stat st, wanted;
	struct statvfs fs, its;

	return fstat(place, &st) == 0 && fstat(tree, &wanted) == 0 && st.st_dev == wanted.st_dev &&
	       st.st_ino == wanted.st_ino && fstatvfs(place, &fs) == 0 &&
	       fstatvfs(tree, &its) == 0 && (fs.f_flag & flags) == (its.f_flag & flags);
}

static int attach(int pidfd, const char *path, int tree, bool is_directory)
{
	int number = enter(pidfd);
	cleanup_fd int root = number ? -1 : open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		return number ? number : errno;
	umask(0);
	cleanup_fd int place = mounts_place_beneath(root, path, is_directory);
	return place < 0 || (!is_there(place, tree) && !mounts_attach(tree, place)) ? errno : 0;
}

/* The mount at that point, if it is of the object: what QEMU has put in its way is not followed. */
static bool detach_object(int root, const char *point, const struct stat *object)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	cleanup_fd int fd = (int)syscall(SYS_openat2, root, point, &how, sizeof how);
	char link[sizeof "/proc/self/fd/" + 3 * sizeof fd];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_dev != object->st_dev ||
		st.st_ino != object->st_ino)
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return umount2(link, MNT_DETACH) == 0;
}

/* Its mounts, wherever they are. */
static int detach_everywhere(const struct stat *object)
{
	cleanup_free char *text =
		io_read_file(AT_FDCWD, "/proc/self/mountinfo", MAX_MOUNTINFO, NULL);
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *mounts = text;
	struct proc_mount mount;

	if (!text || root < 0)
		return errno;
	while (proc_mountinfo_next(&mounts, &mount)) {
		detach_object(root, mount.point, object);
		proc_mount_free(&mount);
	}
	return 0;
}

static int detach(int pidfd, const char *path, const struct stat *object)
{
	int number = enter(pidfd);

	if (!number && object)
		number = detach_everywhere(object);
	if (number)
		return number;
	/* EINVAL: it is no mount. */
	return umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || errno == EINVAL ||
			       errno == ENOENT
		       ? 0
		       : errno;
}

/* The errno that the child has ended with. */
static int wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		return errno;
	if (IO_RETRY(waitpid(pid, &status, 0)) < 0)
		return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

/* The object, for QEMU. */
static bool show(int pidfd, const char *path, int fd, char **error)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_set_errno(error, "cannot examine %s", path);
	cleanup_fd int tree = mounts_clone(fd, false);
	bool is_node = S_ISBLK(st.st_mode) || S_ISCHR(st.st_mode);
	if (tree < 0 || !mounts_restrict(tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC |
						       (is_node ? 0 : MOUNT_ATTR_NODEV)))
		return error_set_errno(error, "cannot clone a mount of %s", path);
	pid_t pid = fork();
	if (pid == 0)
		_exit(attach(pidfd, path, tree, S_ISDIR(st.st_mode)));
	errno = wait_for(pid);
	return errno == 0 ||
	       error_set_errno(error, "cannot mount %s in the root directory of the VM", path);
}

/* The descriptor by which the object was claimed just now; -1: it was not. */
static int find_new(const struct claims_plan *plan, const struct stat *named)
{
	struct stat st;

	for (size_t i = plan->first_new; i < plan->journal->n_entries; i++)
		if (plan->fds[i] >= 0 && fstat(plan->fds[i], &st) == 0 &&
			st.st_dev == named->st_dev && st.st_ino == named->st_ino)
			return plan->fds[i];
	return -1;
}

static bool show_claimed(int pidfd, const struct claims_plan *plan, const char *path, char **error)
{
	cleanup_fd int fd = open(path, O_PATH | O_CLOEXEC);
	struct fileid id;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, "cannot examine %s", path);
	int claimed = find_new(plan, &st);
	if (claimed >= 0)
		return show(pidfd, path, claimed, error);
	if (!fileid_of(fd, &st, &id, error))
		return false;
	/* What the VM has already, it may not have been shown. */
	const struct entry *held = journal_find(plan->journal, &id, NULL);
	bool is_its = held && (held->kind != ENTRY_OWNER || held->new_uid == st.st_uid);
	return !is_its || show(pidfd, path, fd, error);
}

bool visit_show_claimed(int pidfd, const struct claims_plan *plan,
	const struct claim_requests *requests, char **error)
{
	for (size_t i = 0; i < requests->n; i++)
		if (requests->all[i].path &&
			!show_claimed(pidfd, plan, requests->all[i].path, error))
			return false;
	return true;
}

bool visit_hide(int pidfd, const char *path, const struct stat *object, char **error)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(detach(pidfd, path, object));
	errno = wait_for(pid);
	return errno == 0 ||
	       error_set_errno(error, "cannot unmount %s in the root directory of the VM", path);
}
