/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_lock.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/journal_aside.h"
#include "claims/journal_index.h"
#include "path/roots.h"

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
 * in it. One that is missing is made if permissions are given; else *fd is -1, which is no error.
 */
static bool open_directory(
	int parent, const char *name, const char *path, mode_t permissions, int *fd, char **error)
{
	struct stat st;

	*fd = -1;
	if (permissions && mkdirat(parent, name, permissions) < 0 && errno != EEXIST)
		return error_set_errno(error, "cannot create the directory %s", path);
	cleanup_fd int opened =
		openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (opened < 0 && errno == ENOENT && !permissions)
		return true;
	if (opened < 0 || fstat(opened, &st) < 0)
		return error_set_errno(error, "cannot open the directory %s", path);
	cleanup_free char *why = roots_why_not(opened, &st, path, "look into it", NULL);
	if (why)
		return error_set(error,
			"cannot trust the directory %s: writable by users other than root: %s",
			path, why);
	*fd = steal_fd(&opened);
	return true;
}

static volatile sig_atomic_t waited_enough;

static void end_waiting(int signal)
{
	(void)signal;
	waited_enough = true;
}

/* Takes away what interrupted writes left, and sees what there is. */
static void tidy(struct journal_index_names *names)
{
	int again = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;

	for (errno = 0; dir && (d = readdir(dir)) != NULL; errno = 0) {
		size_t length = strlen(d->d_name);
		journal_index_see(names, d->d_name);
		if (d->d_name[0] == '.' && length > 5 &&
			strcmp(d->d_name + length - 4, ".new") == 0)
			unlinkat(directory, d->d_name, 0);
	}
	names->unknown = !dir || errno != 0;
}

/* flock(2), but not for ever. False, and errno: EINTR when it was waited for long enough. */
static bool wait_for_lock(int lock, int operation)
{
	struct sigaction on_alarm = {.sa_handler = end_waiting};
	int result;

	sigaction(SIGALRM, &on_alarm, NULL);
	/* No time is compared: the clock can be set meanwhile. */
	waited_enough = false;
	alarm(LOCK_SECONDS);
	do
		result = flock(lock, operation);
	while (result < 0 && errno == EINTR && !waited_enough);
	int number = errno;
	alarm(0);
	errno = number;
	return result == 0;
}

/* The lock of the directory, into lock_fd; -1: there is none, and nobody to wait for. */
static bool take_lock(bool exclusive, char **error)
{
	cleanup_fd int lock = openat(directory, LOCK_FILE,
		(exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (lock < 0 && errno == ENOENT && !exclusive)
		return true;
	if (lock < 0)
		return error_set_errno(error, "cannot open the lock %s/" LOCK_FILE, JOURNAL_DIR);
	if (wait_for_lock(lock, exclusive ? LOCK_EX : LOCK_SH))
		lock_fd = steal_fd(&lock);
	else if (errno == EINTR)
		return error_set(error,
			"another virt-priv-chown process has held the lock %s/" LOCK_FILE
			" for %d s; is it stopped?",
			JOURNAL_DIR, LOCK_SECONDS);
	else
		return error_set_errno(error, "cannot lock %s/" LOCK_FILE, JOURNAL_DIR);
	return true;
}

/* JOURNAL_DIR, into directory; -1: there is none. */
static bool find_directory(bool exclusive, char **error)
{
	cleanup_fd int lib = open("/var/lib", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int ours = -1;

	if (lib < 0)
		return error_set_errno(error, "cannot open the directory /var/lib");
	return open_directory(lib, "virt-privileges", "/var/lib/virt-privileges",
		       exclusive ? 0755 : 0, &ours, error) &&
	       (ours < 0 || open_directory(ours, "claims", JOURNAL_DIR, exclusive ? 0700 : 0,
				    &directory, error));
}

bool journal_lock(bool exclusive, char **error)
{
	static bool is_registered;
	struct journal_index_names names = {0};

	if (!find_directory(exclusive, error))
		return false;
	/* Nothing to read, and nobody to wait for. */
	if (directory < 0)
		return true;
	if (!take_lock(exclusive, error)) {
		journal_unlock();
		return false;
	}
	if (lock_fd < 0)
		return true;
	/* Whoever ends the program says why, and others do not wait for that. */
	if (!is_registered)
		is_registered = atexit(journal_unlock) == 0;
	if (is_registered)
		log_keep();
	if (exclusive) {
		journal_aside_tidy(directory);
		tidy(&names);
		journal_index_open(directory, &names);
	} else {
		journal_index_open(directory, NULL);
	}
	return true;
}

int journal_directory(void)
{
	return directory;
}

void journal_unlock(void)
{
	journal_index_close();
	if (lock_fd >= 0)
		close(lock_fd);
	if (directory >= 0)
		close(directory);
	lock_fd = directory = -1;
	log_say_kept();
}
