/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_file.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/journal_format.h"
#include "claims/journal_index.h"
#include "claims/journal_lock.h"
#include "claims/journal_parse.h"
#include "claims/journal_prepare.h"
#include "path/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_SIZE ((size_t)256 * 1024 * 1024)

static bool fail(char **error, const char *name, const char *what)
{
	return error_set_errno(error, "cannot %s %s/%s", what, JOURNAL_DIR, name);
}

/* The text of the journal, or as much as can be read of it. False and errno if that is not all. */
static bool read_text(int fd, size_t size, struct journal_file *file)
{
	file->text = xmalloc(size + 1);
	while (file->length < size) {
		ssize_t n = IO_RETRY(read(fd, file->text + file->length, size - file->length));
		if (n < 0)
			return false;
		if (n == 0)
			break;
		file->length += (size_t)n;
	}
	return true;
}

/* What is at its place is not what was written. */
static void damaged(struct journal_file *file, char *why)
{
	file->state = JOURNAL_DAMAGED;
	file->why = why;
	journal_index_distrust(journal_directory());
}

/* Of an open one. Nothing is known of it yet. */
static void load(const char *name, const char *path, int fd, struct journal_file *file)
{
	struct stat st;
	char *error = NULL;

	/* Whether it counts depends on that. */
	if (!boot_read(&file->why))
		return;
	if (fstat(fd, &st) < 0) {
		fail(&file->why, name, "examine the journal");
		return;
	}
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size > MAX_SIZE) {
		damaged(file, xasprintf("%s is not a journal", path));
		return;
	}
	cleanup_free char *why = roots_why_not(fd, &st, path, "check its content", NULL);
	file->is_roots = !why;
	if (!read_text(fd, (size_t)st.st_size, file)) {
		/* A disk that fails is for longer. */
		bool is_longer = errno == EIO;
		fail(&file->why, name, "read the journal");
		if (is_longer)
			damaged(file, file->why);
		return;
	}
	if (why) {
		damaged(file, xasprintf("cannot trust the journal %s: %s", path, why));
		return;
	}
	file->whole = journal_parse(path, file->text, file->length, &error);
	file->state = JOURNAL_WHOLE;
	if (!file->whole) {
		damaged(file, error);
	} else if (strcmp(file->whole->name, name) != 0) {
		damaged(file,
			xasprintf("%s:2: the journal is that of VM '%s'", path, file->whole->name));
		journal_free(file->whole);
		file->whole = NULL;
	}
}

void journal_load(const char *name, struct journal_file *file)
{
	cleanup_free char *path = xasprintf("%s/%s", JOURNAL_DIR, name);
	cleanup_fd int fd =
		openat(journal_directory(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*file = (struct journal_file){.state = JOURNAL_FAILED};
	if (fd >= 0) {
		load(name, path, fd, file);
		return;
	}
	if (errno == ENOENT) {
		file->state = JOURNAL_NONE;
		return;
	}
	/* A symbolic link, a socket, a device without a driver. */
	bool is_none = errno == ELOOP || errno == ENXIO || errno == ENODEV;
	fail(&file->why, name, "open the journal");
	if (is_none)
		damaged(file, file->why);
}

void journal_file_free(struct journal_file *file)
{
	free(file->text);
	free(file->why);
	journal_free(file->whole);
	*file = (struct journal_file){0};
}

char *journal_set_aside_command(const char *name)
{
	return xasprintf("virt-priv-chown release --name %s --as-is", name);
}

/* What there is to say of a journal that is damaged, with why and the command; new. */
static char *damage_message(const char *name, const char *why)
{
	cleanup_free char *command = journal_set_aside_command(name);

	return xasprintf("%s; no VM can claim a disk until this is resolved; to set the journal "
			 "aside, and release or print what can be read of it: %s",
		why, command);
}

bool journal_read(const char *name, struct journal **out, char **error)
{
	struct journal_file file;

	*out = NULL;
	journal_load(name, &file);
	*out = steal_pointer(&file.whole);
	if (file.state == JOURNAL_DAMAGED)
		*error = damage_message(name, file.why);
	else if (file.state == JOURNAL_FAILED)
		*error = steal_pointer(&file.why);
	bool good = file.state == JOURNAL_NONE || file.state == JOURNAL_WHOLE;
	journal_file_free(&file);
	return good;
}

bool journal_stamp(const char *name, struct journal_stamp *stamp)
{
	struct stat st;

	*stamp = (struct journal_stamp){0};
	if (fstatat(journal_directory(), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	*stamp = (struct journal_stamp){st.st_ino, st.st_ctim};
	return true;
}

bool journal_same(const struct journal_stamp *a, const struct journal_stamp *b)
{
	return a->inode == b->inode && a->changed.tv_sec == b->changed.tv_sec &&
	       a->changed.tv_nsec == b->changed.tv_nsec;
}

bool journal_remove(const struct journal *journal, char **error)
{
	const char *name = journal->name;
	bool was_known = journal_index_suspend();

	if (unlinkat(journal_directory(), name, 0) < 0 && errno != ENOENT)
		return fail(error, name, "remove the journal");
	if (!io_sync(journal_directory()))
		return fail(error, name, "sync the removal of the journal");
	journal_index_resume(was_known, name, NULL);
	return true;
}

static bool write_whole(struct journal *journal, char **error)
{
	const char *name = journal->name;

	/* No VM has a name that begins with a dot. */
	cleanup_free char *temporary = xasprintf(".%s.new", name);
	cleanup_free char *text = journal_format(journal);
	journal->size = 0;
	if (journal_take_prepared(journal_directory(), name, text)) {
		journal->size = strlen(text);
		return true;
	}
	if (unlinkat(journal_directory(), temporary, 0) < 0 && errno != ENOENT)
		return fail(error, temporary, "remove");
	cleanup_fd int fd = openat(
		journal_directory(), temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(error, temporary, "make");
	if (!io_write_all_at(fd, text, strlen(text), 0) || !io_sync(fd) ||
		renameat(journal_directory(), temporary, journal_directory(), name) < 0) {
		fail(error, name, "write the journal");
		unlinkat(journal_directory(), temporary, 0);
		return false;
	}
	if (!io_sync(journal_directory()))
		return fail(error, name, "sync the journal");
	journal->size = strlen(text);
	return true;
}

bool journal_write(struct journal *journal, char **error)
{
	bool was_known = journal_index_suspend();

	if (!write_whole(journal, error))
		return false;
	journal_index_resume(was_known, journal->name, journal);
	return true;
}

/* A name that no VM can have, tidy() does not take away, and nothing has yet. */
static bool move_aside(const char *name, bool keep, char **aside)
{
	for (unsigned i = 1; i < 10000; i++) {
		*aside = i == 1 ? xasprintf(".%s.damaged", name)
				: xasprintf(".%s.damaged.%u", name, i);
		if ((keep ? linkat(journal_directory(), name, journal_directory(), *aside, 0)
			  : renameat2(journal_directory(), name, journal_directory(), *aside,
				    RENAME_NOREPLACE)) == 0)
			return true;
		free(*aside);
		*aside = NULL;
		if (errno != EEXIST)
			return false;
	}
	return false;
}

bool journal_set_aside(const char *name, struct journal *rest, char **aside, char **error)
{
	/* It was damaged: nothing is known. */
	journal_index_distrust(journal_directory());
	if (!move_aside(name, rest != NULL, aside))
		return fail(error, name, "set aside the journal");
	/* Before the other takes its place. */
	if (!io_sync(journal_directory()))
		return fail(error, *aside, "sync");
	return !rest || journal_write(rest, error);
}

/* Adds a line, which *journal says already. */
static bool append(struct journal *journal, const char *line, char **error)
{
	if (!journal->size)
		return journal_write(journal, error);
	cleanup_fd int fd =
		openat(journal_directory(), journal->name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	/* What is behind that is a part of a line, which could not be written. */
	if (fd < 0 || !io_write_all_at(fd, line, strlen(line), (off_t)journal->size))
		return fail(error, journal->name, "complete the journal");
	journal->size += strlen(line);
	return true;
}

bool journal_settle(struct journal *journal, char **error)
{
	journal->settled = true;
	journal->settled = append(journal, "settled\n", error);
	return journal->settled;
}

bool journal_announce(struct journal *journal, struct entry *e, unsigned releasing, char **error)
{
	cleanup_free char *line =
		xasprintf("releasing %zu %u\n", (size_t)(e - journal->entries) + 1, releasing);

	e->releasing = releasing;
	if (append(journal, line, error))
		return true;
	e->releasing = 0;
	return false;
}
