/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_aside.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/journal_parse.h"
#include "path/roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE ((size_t)256 * 1024 * 1024)

static const char *const suffixes[] = {
	[JOURNAL_PREPARED] = ".prepared",
	[JOURNAL_RELEASED] = ".released",
};

static bool waits;

char *journal_aside_name(const char *vm, enum journal_aside kind)
{
	return xasprintf("%s%s", vm, suffixes[kind]);
}

int journal_aside_open(bool make)
{
	cleanup_fd int above =
		open("/var/lib/virt-privileges", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *name = strrchr(JOURNAL_ASIDE, '/') + 1;
	struct stat st;

	if (above < 0 || (make && mkdirat(above, name, 0700) < 0 && errno != EEXIST))
		return -1;
	cleanup_fd int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	cleanup_free char *why = roots_why_not(fd, &st, JOURNAL_ASIDE, "look into it", NULL);
	return why ? -1 : steal_fd(&fd);
}

bool journal_aside_lock(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

static bool is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

bool journal_aside_is(int directory, const char *name, int fd)
{
	struct stat named, held;

	return fstatat(directory, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(fd, &held) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

/* Whether the text is a whole journal of the VM, of an earlier boot. */
static bool is_of_earlier_boot(const char *name, const char *vm, const char *text, size_t length)
{
	cleanup_free char *ignored = NULL;
	struct journal *journal = journal_parse(name, text, length, &ignored);
	bool result =
		journal && strcmp(journal->name, vm) == 0 && strcmp(journal->boot, boot_id()) != 0;

	journal_free(journal);
	return result;
}

/* One that nobody works on. */
static void settle(int aside, const char *name, const char *vm, int fd, int directory)
{
	cleanup_free char *ignored = NULL;
	struct stat st;
	size_t length;

	/* What can't be told now is left to the next call. */
	if (!boot_read(&ignored) || fstat(fd, &st) < 0)
		return;
	cleanup_free char *why = roots_why_not(fd, &st, name, "check its content", NULL);
	cleanup_free char *text =
		!S_ISREG(st.st_mode) || why ? NULL : io_read_fd(fd, MAX_SIZE, &length);
	if (!text)
		return;
	/* One that is not whole was never made durable, and nothing was changed for it. */
	if (!is_of_earlier_boot(name, vm, text, length)) {
		unlinkat(aside, name, 0);
		return;
	}
	waits = renameat2(aside, name, directory, vm, RENAME_NOREPLACE) < 0 || waits;
}

/* The VM of a file's name, new; NULL: it is none of these. */
static char *vm_of(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		size_t end = strlen(suffixes[i]);
		if (length <= end || strcmp(name + length - end, suffixes[i]) != 0)
			continue;
		char *vm = xasprintf("%.*s", (int)(length - end), name);
		if (journal_is_name(vm))
			return vm;
		free(vm);
	}
	return NULL;
}

void journal_aside_tidy(int directory)
{
	cleanup_fd int aside = journal_aside_open(false);
	int again = aside < 0 ? -1 : openat(aside, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = again < 0 ? NULL : fdopendir(again);
	struct dirent *d;

	waits = false;
	while (dir && (d = readdir(dir)) != NULL) {
		cleanup_free char *vm = vm_of(d->d_name);
		cleanup_fd int fd = vm ? openat(aside, d->d_name,
						 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
				       : -1;
		if (fd >= 0 && !is_locked(fd))
			settle(aside, d->d_name, vm, fd, directory);
	}
}

bool journal_aside_waits(void)
{
	return waits;
}
