/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/journal_prepare.h"

#include "base/cleanup.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/journal_aside.h"
#include "claims/journal_format.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	int file; /* locked */
	int aside;
	char *name, *text;
} prepared = {.file = -1, .aside = -1};

static void forget(void)
{
	if (prepared.file >= 0)
		close(prepared.file);
	if (prepared.aside >= 0)
		close(prepared.aside);
	free(prepared.name);
	free(prepared.text);
	prepared.file = prepared.aside = -1;
	prepared.name = prepared.text = NULL;
}

/* It has its name only when it is whole, and locked. */
static bool write_it(int aside, const char *name, const char *text, int file)
{
	return journal_aside_lock(file) && io_write_all(file, text, strlen(text)) &&
	       io_sync(file) &&
	       linkat(AT_FDCWD, IO_FD_PATH(file), aside, name, AT_SYMLINK_FOLLOW) == 0;
}

void journal_prepare(const struct journal *journal)
{
	cleanup_free char *text = journal_format(journal);
	cleanup_free char *name = journal_aside_name(journal->name, JOURNAL_PREPARED);
	cleanup_fd int aside = journal_aside_open(true);

	journal_prepare_end();
	if (aside < 0)
		return;
	cleanup_fd int file = openat(aside, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (file < 0 || !write_it(aside, name, text, file))
		return;
	prepared.name = steal_pointer(&name);
	prepared.text = steal_pointer(&text);
	prepared.file = steal_fd(&file);
	prepared.aside = steal_fd(&aside);
	if (!io_sync(prepared.aside))
		journal_prepare_end();
}

bool journal_take_prepared(int directory, const char *vm, const char *text)
{
	cleanup_free char *name = journal_aside_name(vm, JOURNAL_PREPARED);

	if (prepared.file < 0 || strcmp(prepared.name, name) != 0)
		return false;
	bool good = strcmp(prepared.text, text) == 0 &&
		    journal_aside_is(prepared.aside, name, prepared.file) &&
		    renameat2(prepared.aside, name, directory, vm, RENAME_NOREPLACE) == 0;
	if (good)
		forget();
	else
		journal_prepare_end();
	return good;
}

void journal_prepare_end(void)
{
	if (prepared.file >= 0 && journal_aside_is(prepared.aside, prepared.name, prepared.file))
		unlinkat(prepared.aside, prepared.name, 0);
	forget();
}
