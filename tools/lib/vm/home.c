/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/home.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/runtime_dir.h"
#include "launch/creds.h"
#include "launch/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
/* Of emptying one directory. */
#define MAX_MILLISECONDS 5000
#define MAX_ENTRIES 100000
/* Directories that wait to be emptied by somebody else. */
#define MAX_ASIDE 100

/*
 * What runs as the QEMU user: it may be stopped, and given new entries meanwhile
 */

/* 1 and its name if there is one more entry, 0 at the end. */
static bool next_entry(DIR *dir, const char **name)
{
	const struct dirent *d;

	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0) {
			*name = d->d_name;
			return true;
		}
	return false;
}

static bool remove_entry(int dir, const char *name)
{
	return unlinkat(dir, name, 0) == 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0;
}

/* One whose mode denies that can be emptied then; where not, that shows at once. */
static void open_up(int dir, const char *name)
{
	if (fchmodat(dir, name, 0700, 0) < 0)
		return;
}

/*
 * Empties a directory in top: of its own directories, those that can't be removed come to lie in
 * top. So one that is nested however deep needs neither a stack nor a long path. Whether
 * anything could be done.
 */
static bool flatten(int top, const char *name, unsigned *moved)
{
	const char *entry;
	bool done = false;

	open_up(top, name);
	int fd = openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && *moved < MAX_ENTRIES && next_entry(dir, &entry)) {
		char aside[32];
		if (remove_entry(fd, entry)) {
			done = true;
			continue;
		}
		/* To be moved, it must be writable: its ".." becomes another one. */
		open_up(fd, entry);
		snprintf(aside, sizeof aside, "moved-%u", ++*moved);
		done |= renameat2(fd, entry, top, aside, RENAME_NOREPLACE) == 0;
	}
	return remove_entry(top, name) || done;
}

static void empty(int top)
{
	cleanup_dir DIR *dir = fdopendir(top);
	unsigned moved = 0, seen = 0;
	const char *name;
	bool done = dir != NULL && fchmod(top, 0700) == 0;

	while (done) {
		done = false;
		rewinddir(dir);
		while (next_entry(dir, &name) && ++seen < MAX_ENTRIES)
			done |= remove_entry(top, name) || flatten(top, name, &moved);
		done = done && seen < MAX_ENTRIES;
	}
}

static _Noreturn void give_up(void)
{
	warn_errno("cannot close root's descriptors before emptying the VM's directory");
	_exit(LAUNCH_FAILED);
}

static _Noreturn void empty_as_owner(int dir, const struct stat *st)
{
	const struct identity owner = {.uid = st->st_uid, .gid = st->st_gid};

	/* From here on it may be stopped by the QEMU user: it has nothing that others wait for. */
	if (!io_replace_fd(STDERR_FILENO + 1, dir, 0) ||
		syscall(SYS_close_range, STDERR_FILENO + 2, ~0U, 0) < 0)
		give_up();
	if (st->st_uid != 0)
		creds_drop(&(struct creds){.identity = &owner});
	empty(STDERR_FILENO + 1);
	_exit(0);
}

/*
 * Waits for its end, for a while, and ends it then: what is stopped, too, is ended by
 * SIGKILL. What it has left undone shows in the directory.
 */
static void wait_or_end(pid_t pid)
{
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd polled = {pidfd, POLLIN, 0};

	if (pidfd < 0 || poll(&polled, 1, MAX_MILLISECONDS) <= 0)
		kill(pid, SIGKILL);
	IO_RETRY(waitpid(pid, NULL, 0));
}

/* Empties a directory as its owner: whatever else he put there, or moves meanwhile, he could
 * have removed himself. */
void vm_home_empty(int dir)
{
	struct stat st;
	pid_t pid = fstat(dir, &st) == 0 ? fork() : -1;

	if (pid == 0)
		empty_as_owner(dir, &st);
	if (pid < 0)
		warn_errno("cannot fork a process to empty the VM's directory");
	else
		wait_or_end(pid);
}

/*
 * What is root's part
 */

/* Under another name of RUNTIME_DIR's, which no VM needs; NULL: it can't be. */
static char *move_aside(int runtime, const char *name)
{
	for (int i = 0; i < MAX_ASIDE; i++) {
		cleanup_free char *aside = xasprintf(".%s.%d.old", name, i);
		if (renameat2(runtime, name, runtime, aside, RENAME_NOREPLACE) == 0)
			return steal_pointer(&aside);
		if (errno != EEXIST)
			break;
	}
	return NULL;
}

/* One that lies aside. False and a message said: it is not empty. */
static bool finish_off(int runtime, const char *aside)
{
	cleanup_fd int fd = openat(runtime, aside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0)
		vm_home_empty(fd);
	if (unlinkat(runtime, aside, AT_REMOVEDIR) == 0)
		return true;
	warn("cannot remove the directory " RUNTIME_DIR
	     "/%s, left by QEMU, within %d s: %s; no VM needs it; remove it: rm -rf "
	     "--one-file-system " RUNTIME_DIR "/%s",
		aside, MAX_MILLISECONDS / 1000, strerror(errno), aside);
	return false;
}

bool vm_home_remove(int runtime, const char *name, char **error)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/%s", name);
	cleanup_free char *aside = NULL;

	*error = NULL;
	if (runtime_dir_remove(runtime, name))
		return true;
	if (errno == ENOTEMPTY || errno == EEXIST)
		aside = move_aside(runtime, name);
	if (!aside) {
		*error = xasprintf("cannot remove the directory %s: %s", path, strerror(errno));
		return false;
	}
	finish_off(runtime, aside);
	return true;
}

/* What containers answer: without CAP_SYS_ADMIN, or by a filter. */
static bool may_not_mount(int number)
{
	return number == EPERM || number == EACCES || number == ENOSYS;
}

bool vm_home_make(int runtime, const char *name, uid_t uid, gid_t gid, char **error)
{
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/%s", name);
	cleanup_free char *options = xasprintf("size=" VM_HOME_SIZE ",nr_inodes=" VM_HOME_FILES
					       ",mode=0700,uid=%u,gid=%u",
		uid, gid);

	if (!vm_home_remove(runtime, name, error))
		return false;
	/* Root's until it is given away: so is what lies below the file system. */
	if (mkdirat(runtime, name, 0700) < 0) {
		*error = xasprintf("cannot create the directory %s: %s", path, strerror(errno));
		return false;
	}
	if (mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOSYMFOLLOW,
		    options) == 0)
		return true;
	if (!may_not_mount(errno)) {
		*error = xasprintf(
			"cannot mount a tmpfs at the VM's directory %s: %s", path, strerror(errno));
	} else {
		warn_errno("cannot mount a tmpfs at the VM's directory %s; QEMU can fill the file "
			   "system of " RUNTIME_DIR,
			path);
		cleanup_fd int fd =
			openat(runtime, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && fchown(fd, uid, gid) == 0)
			return true;
		*error = xasprintf("cannot change the owner of the directory %s to uid %u: %s",
			path, uid, strerror(errno));
	}
	if (unlinkat(runtime, name, AT_REMOVEDIR) < 0)
		warn_errno("cannot remove the directory %s", path);
	return false;
}
