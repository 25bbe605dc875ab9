/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_lock.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "path/trust.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_FILE ".lock"
#define LOCK_SECONDS 120

static int directory = -1; /* JOURNAL_DIR, while it is locked; -1: there is none */
static int lock_fd = -1;

/*
 * Opens one directory below another, and refuses it if others than root could have written
 * in it. One that is missing is made if permissions are given, else the result is -1.
 */
static int open_directory(int parent, const char *name, const char *path, mode_t permissions)
{
	struct stat st;

	if (permissions && mkdirat(parent, name, permissions) < 0 && errno != EEXIST)
		die_errno("can't make the directory %s", path);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !permissions)
		return -1;
	if (fd < 0 || fstat(fd, &st) < 0)
		die_errno("can't open the directory %s", path);
	cleanup_free char *why = trust_why_not_roots(fd, &st, path, "look into it");
	if (why)
		die("can't trust the directory %s: others than root can write to it: %s", path,
			why);
	return fd;
}

static volatile sig_atomic_t waited_enough;

static void end_waiting(int signal)
{
	(void)signal;
	waited_enough = true;
}

/* Takes away what interrupted writes left. */
static void tidy(void)
{
	cleanup_dir DIR *dir =
		fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *d;

	while (dir && (d = readdir(dir)) != NULL) {
		size_t length = strlen(d->d_name);
		if (d->d_name[0] == '.' && length > 5 &&
			strcmp(d->d_name + length - 4, ".new") == 0)
			unlinkat(directory, d->d_name, 0);
	}
}

/* The lock of the directory, had; -1: there is none, and nobody to wait for. */
static int wait_for_lock(bool exclusive)
{
	int lock = openat(directory, LOCK_FILE,
		(exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock < 0 && errno == ENOENT && !exclusive)
		return -1;
	if (lock < 0)
		die_errno("can't open the lock %s/" LOCK_FILE, JOURNAL_DIR);
	struct sigaction on_alarm = {.sa_handler = end_waiting};
	sigaction(SIGALRM, &on_alarm, NULL);
	/* No time is compared: the clock can be set meanwhile. */
	waited_enough = false;
	alarm(LOCK_SECONDS);
	int result;
	do
		result = flock(lock, exclusive ? LOCK_EX : LOCK_SH);
	while (result < 0 && errno == EINTR && !waited_enough);
	int number = errno;
	alarm(0);
	errno = number;
	if (result < 0 && errno == EINTR)
		die("another virt-priv-chown has held %s/" LOCK_FILE " for %d s; is it stopped?",
			JOURNAL_DIR, LOCK_SECONDS);
	if (result < 0)
		die_errno("can't lock %s/" LOCK_FILE, JOURNAL_DIR);
	return lock;
}

void journal_lock(bool exclusive)
{
	static bool is_registered;

	cleanup_fd int lib = open("/var/lib", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (lib < 0)
		die_errno("can't open the directory /var/lib");
	cleanup_fd int ours = open_directory(
		lib, "virt-privileges", "/var/lib/virt-privileges", exclusive ? 0755 : 0);
	if (ours >= 0)
		directory = open_directory(ours, "claims", JOURNAL_DIR, exclusive ? 0700 : 0);
	/* Nothing to read, and nobody to wait for. */
	if (directory < 0)
		return;
	lock_fd = wait_for_lock(exclusive);
	if (lock_fd < 0)
		return;
	/* Whoever ends the program says why, and others do not wait for that. */
	if (!is_registered)
		is_registered = atexit(journal_unlock) == 0;
	if (is_registered)
		log_keep();
	if (exclusive)
		tidy();
}

int journal_directory(void)
{
	return directory;
}

void journal_unlock(void)
{
	if (lock_fd >= 0)
		close(lock_fd);
	if (directory >= 0)
		close(directory);
	lock_fd = directory = -1;
	log_say_kept();
}
