/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/holder.h"

#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/libvirt_domains.h"
#include "path/fd_tables.h"
#include "path/look.h"
#include "path/open_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* "12 (qemu-system-x86)", new; the name is what the process calls itself, and decides nothing. */
static char *named(pid_t pid)
{
	cleanup_free char *path = xasprintf("/proc/%d/comm", pid);
	char name[64];

	return io_read_line(AT_FDCWD, path, name, sizeof name) && *name
		       ? xasprintf("%d (%s)", pid, name)
		       : xasprintf("%d", pid);
}

/* 0: it can't be told. */
static pid_t parent_of(pid_t pid)
{
	struct proc_stat stat;

	return process_stat(AT_FDCWD, pid, &stat) ? stat.parent : 0;
}

static bool is_forefather(pid_t pid)
{
	for (pid_t p = getppid(); p > 0; p = parent_of(p))
		if (p == pid)
			return true;
	return false;
}

/* Whether a file of fdinfo (proc(5)) is of an inode, opened for writing. */
static bool is_written(int infos, const char *name, ino_t ino)
{
	char text[1024];
	unsigned flags;
	unsigned long long number;

	if (io_read_short(infos, name, text, sizeof text) <= 0 ||
		!proc_fdinfo_flags(text, &flags) || (flags & O_ACCMODE) == O_RDONLY)
		return false;
	/* Before Linux 5.14 it does not say which: any can be it. */
	const char *line = strstr(text, "\nino:");
	return !line || sscanf(line, "\nino: %llu", &number) != 1 || number == ino;
}

struct writer {
	const struct stat *object;
	bool writes;
};

/*
 * Its descriptors are asked for what they are only where that can be it, and without asking their
 * file systems.
 */
static bool find_written(void *context, int thread)
{
	struct writer *writer = context;
	const struct stat *st = writer->object;
	cleanup_fd int fds = openat(thread, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int infos = openat(thread, "fdinfo", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = infos < 0 ? NULL : fdopendir(infos);
	const struct dirent *d;
	struct statx stx;

	/* What can't be seen may write; a thread that has ended does not. */
	if (!dir || fds < 0)
		writer->writes = errno != ENOENT && errno != ESRCH;
	while (dir && fds >= 0 && !writer->writes && (d = readdir(dir)) != NULL)
		writer->writes = d->d_name[0] != '.' && is_written(infos, d->d_name, st->st_ino) &&
				 statx(fds, d->d_name, AT_STATX_DONT_SYNC, STATX_INO, &stx) == 0 &&
				 stx.stx_ino == st->st_ino &&
				 makedev(stx.stx_dev_major, stx.stx_dev_minor) == st->st_dev;
	return !writer->writes;
}

bool holder_writes(pid_t pid, const struct stat *st)
{
	struct writer writer = {.object = st};
	cleanup_free char *path = xasprintf("/proc/%d", pid);
	cleanup_fd int process = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return process < 0 || !fd_tables_each(process, pid, NULL, find_written, &writer) ||
	       writer.writes;
}

/*
 * Whether libvirt goes on holding the file when this claim of it has ended, as
 * giveback_decide() has it in the end, under libvirt's lock.
 */
static bool stays_libvirts(
	const struct journal *journal, const struct entry *e, int fd, const struct stat *st)
{
	struct libvirt_xattr r = {0};

	if (e->type != 'f' || libvirt_xattr_counts(fd, st) != 1)
		return false;
	libvirt_xattr_read(fd, &r);
	if (!libvirt_domains_are_current(&r, st, e->new_uid))
		return false;
	bool counted = e->attributes && strcmp(journal->boot, boot_id()) == 0 &&
		       !(r.uid == e->new_uid && e->new_uid != e->old_uid);
	return !counted || r.refs > 1;
}

/*
 * Who has the object of an entry open, new; NULL: nobody, or it is not to be found. only_writers:
 * what is only read, as the disk below a snapshot's overlay is, goes on being read.
 */
static char *using_entry(const struct journal *journal, const struct entry *e, bool only_writers)
{
	cleanup_free char *ignored = NULL;
	cleanup_fd int fd = -1;
	struct stat st;

	/* What is found has that inode number. */
	if (!open_files_asks_kernel() && !open_files_can_have(e->id.inode, e->new_uid))
		return NULL;
	bool same_boot = strcmp(journal->boot, boot_id()) == 0;
	if (fileid_open(&e->id, e->path, same_boot, &fd, &ignored) != FILEID_FOUND ||
		!look_stat_fd(fd, &st) || open_files_has_none(fd, &st))
		return NULL;
	pid_t opener = open_files_first(&st, e->new_uid);
	if (!opener || (opener != OPEN_FILES_UNSEEN && stays_libvirts(journal, e, fd, &st)) ||
		(only_writers && !open_files_is_unseen(opener) && !holder_writes(opener, &st)))
		return NULL;
	if (open_files_is_unseen(opener)) {
		cleanup_free char *unseen = open_files_text(opener);
		return xasprintf("%s: %s", e->path, unseen);
	}
	cleanup_free char *who = named(opener);
	return xasprintf("process %s has %s open", who, e->path);
}

/* In *error, why the holder can't be examined; new. */
static enum claims_hold unknown(char **error, const struct journal *journal, const char *why)
{
	*error = xasprintf("VM '%s': %s", journal->name, why);
	return CLAIMS_UNKNOWN;
}

enum claims_hold claims_hold(const struct journal *journal, char **error)
{
	bool lives;
	cleanup_free char *why = NULL;

	if (strcmp(journal->boot, boot_id()) != 0)
		return CLAIMS_ABANDONED;
	if (!journal->holder)
		return CLAIMS_HELD;
	/* There, another process has that number, or none, and nobody who has files open is seen.
	 */
	unsigned long long here = journal->holder_namespace ? process_namespace() : 0;
	if (journal->holder_namespace && !here)
		why = xasprintf(
			"cannot determine the PID namespace of this process: %s", strerror(errno));
	else if (journal->holder_namespace != here)
		why = xasprintf(
			"its process %d is in another PID namespace; recover it there, or, if the "
			"process has ended: virt-priv-chown release --name %s --force",
			journal->holder, journal->name);
	if (why || !process_lives(journal->holder, journal->holder_start, &lives, &why))
		return unknown(error, journal, why);
	return lives && !process_is_assumed_ended(journal->holder) ? CLAIMS_HELD : CLAIMS_ABANDONED;
}

char *holder_using(const struct journal *journal, const char *path)
{
	cleanup_free char *error = NULL;

	enum claims_hold hold = path ? CLAIMS_ABANDONED : claims_hold(journal, &error);
	if (hold == CLAIMS_UNKNOWN)
		return steal_pointer(&error);
	if (hold == CLAIMS_HELD && journal->holder && !is_forefather(journal->holder)) {
		cleanup_free char *who = named(journal->holder);
		return xasprintf("process %s holds its claim", who);
	}
	open_files_expect(path ? 1 : journal->n_entries);
	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		if (e->kind != ENTRY_OWNER || (path && strcmp(path, e->path) != 0))
			continue;
		char *who = using_entry(journal, e, path != NULL);
		if (who)
			return who;
	}
	return NULL;
}

char *holder_advice(const struct journal *journal, char **help)
{
	cleanup_free char *who = holder_using(journal, NULL);
	cleanup_free char *ignored = NULL;

	if (who)
		return xasprintf("it is running: %s; stop it first", who);
	if (claims_hold(journal, &ignored) == CLAIMS_ABANDONED)
		return help_message(help, xstrdup("its process has ended"), "; ",
			xstrdup("virt-priv-chown recover"));
	return help_message(help, xstrdup("if it is not running"), ": ",
		xasprintf("virt-priv-chown release --name %s", journal->name));
}
