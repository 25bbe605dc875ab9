/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/journals.h"

#include "audit/check_functions.h"
#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/journal.h"
#include "claims/journal_lock.h"
#include "claims/journal_parse.h"
#include "claims/runtime_dir.h"
#include "path/roots.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the VMs with such a claim, as many are named. */
#define MAX_NAMED 4

/* What can change while it is read is read again. */
#define READINGS 3

/* Whether nobody but root can have written what a journal says: 1 or 0; -1 and errno. */
static int is_roots(const struct audit_tree *tree, int directory, const char *name)
{
	struct stat st;
	cleanup_fd int fd = tree_openat(tree, directory, name, O_PATH | O_NOFOLLOW);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	return roots_has_alone(fd, &st);
}

static bool is_there(const struct audit_tree *tree, int directory, const char *name)
{
	cleanup_fd int fd = tree_openat(tree, directory, name, O_PATH | O_NOFOLLOW);

	return fd >= 0 || errno != ENOENT;
}

/* As read_one(), read once. */
static struct journal *try_one(
	const struct audit_tree *tree, int directory, const char *name, char **why)
{
	size_t length;
	int is_trusted = is_roots(tree, directory, name);

	if (is_trusted == 0) {
		*why = xstrdup("users other than root can write to its journal");
		return NULL;
	}
	cleanup_free char *text =
		is_trusted > 0 ? tree_read_at(tree, directory, name, &length) : NULL;
	if (text)
		return journal_parse(name, text, length, why);
	if (errno != ENOENT)
		*why = xasprintf("cannot read its journal: %s", attempt_why(errno));
	return NULL;
}

/* NULL and, in *why, the reason, new; NULL there, too: there is no such journal any more. */
static struct journal *read_one(
	const struct audit_tree *tree, int directory, const char *name, char **why)
{
	struct journal *journal = NULL;

	*why = NULL;
	/* A line that is being added is not whole yet. */
	for (int i = 0; !journal && (i == 0 || *why) && i < READINGS; i++) {
		free(*why);
		*why = NULL;
		journal = try_one(tree, directory, name, why);
	}
	if (!journal || strcmp(journal->name, name) == 0)
		return journal;
	*why = xasprintf("its journal is that of VM '%s'", journal->name);
	journal_free(journal);
	return NULL;
}

/* As claims_hold(), of the host that the tree is of. */
static enum claims_hold hold_in_tree(struct audit *audit, const struct journal *journal, char **why)
{
	const char *boot = tree_read_once(&audit->tree, "/proc/sys/kernel/random/boot_id");
	struct proc_stat stat;

	if (!boot) {
		*why = xstrdup("cannot determine the boot id");
		return CLAIMS_UNKNOWN;
	}
	if (strncmp(boot, journal->boot, BOOT_ID_LENGTH) != 0)
		return CLAIMS_ABANDONED;
	if (!journal->holder)
		return CLAIMS_HELD;
	cleanup_free char *path = xasprintf("%d/stat", journal->holder);
	cleanup_free char *text = tree_read_at(&audit->tree, audit->tree.proc, path, NULL);
	bool lives = text && proc_stat_parse(text, &stat) && !proc_stat_has_ended(&stat) &&
		     stat.start == journal->holder_start;
	return lives ? CLAIMS_HELD : CLAIMS_ABANDONED;
}

static enum claims_hold hold_of(struct audit *audit, const struct journal *journal, char **why)
{
	if (audit->tree.root)
		return hold_in_tree(audit, journal, why);
	if (!boot_read(why))
		return CLAIMS_UNKNOWN;
	enum claims_hold hold = claims_hold(journal, why);
	/* virt-priv-run is about to give it back. */
	if (hold == CLAIMS_ABANDONED && runtime_dir_is_taken(journal->name) == 1)
		return CLAIMS_HELD;
	return hold;
}

static void add(struct audit *audit, int directory, const char *name)
{
	struct audit_journals *journals = audit->journals;
	struct audit_journal one = {.hold = CLAIMS_UNKNOWN};

	one.journal = read_one(&audit->tree, directory, name, &one.why);
	if (!one.journal && !one.why)
		return;
	if (one.journal)
		one.hold = hold_of(audit, one.journal, &one.why);
	/* It was given back meanwhile. */
	if (one.hold == CLAIMS_ABANDONED && !is_there(&audit->tree, directory, name)) {
		journal_free(one.journal);
		return;
	}
	one.name = xstrdup(name);
	ARRAY_GROW(journals->all, journals->n);
	journals->all[journals->n++] = one;
	journals->n_held += one.hold == CLAIMS_HELD;
	journals->n_abandoned += one.hold == CLAIMS_ABANDONED;
	journals->n_unknown += one.hold == CLAIMS_UNKNOWN;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(
		((const struct audit_journal *)a)->name, ((const struct audit_journal *)b)->name);
}

static void read_journals(struct audit *audit)
{
	struct audit_journals *journals = audit->journals;
	const struct audit_tree *tree = &audit->tree;
	int fd = tree_open_path(tree, JOURNAL_DIR, O_RDONLY | O_DIRECTORY);
	cleanup_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;

	if (!dir) {
		journals->number = errno == ENOENT ? 0 : errno;
		return;
	}
	journals->is_unsafe = is_roots(tree, fd, ".") != 1;
	if (journals->is_unsafe)
		return;
	for (errno = 0; (d = readdir(dir)) != NULL; errno = 0)
		if (journal_is_name(d->d_name))
			add(audit, fd, d->d_name);
	journals->number = errno;
	if (journals->n)
		qsort(journals->all, journals->n, sizeof *journals->all, by_name);
}

const struct audit_journals *audit_journals(struct audit *audit)
{
	if (!audit->journals) {
		audit->journals = xcalloc(1, sizeof *audit->journals);
		read_journals(audit);
	}
	return audit->journals;
}

bool audit_journals_are_known(const struct audit_journals *journals)
{
	return !journals->number && !journals->is_unsafe && !journals->n_unknown;
}

void audit_journals_free(struct audit *audit)
{
	for (size_t i = 0; audit->journals && i < audit->journals->n; i++) {
		struct audit_journal *one = &audit->journals->all[i];
		journal_free(one->journal);
		free(one->name);
		free(one->why);
	}
	if (audit->journals)
		free(audit->journals->all);
	free(audit->journals);
	audit->journals = NULL;
}

/*
 * H08
 */

/* "web, mail": of the VMs whose claim is held so. New. */
static char *names_of(const struct audit_journals *journals, enum claims_hold hold)
{
	char *names = xstrdup("");
	size_t n = 0;

	for (size_t i = 0; i < journals->n && n <= MAX_NAMED; i++) {
		if (journals->all[i].hold != hold)
			continue;
		cleanup_free char *before = names;
		names = xasprintf("%s%s%s", before, n ? ", " : "",
			n < MAX_NAMED ? journals->all[i].name : "...");
		n++;
	}
	return names;
}

static const char *first_why(const struct audit_journals *journals)
{
	for (size_t i = 0; i < journals->n; i++)
		if (journals->all[i].why)
			return journals->all[i].why;
	return "";
}

void check_claims(struct audit *audit)
{
	const struct audit_journals *journals = audit_journals(audit);
	size_t n = journals->n_abandoned, n_unknown = journals->n_unknown;

	if (journals->number)
		audit_unreadable(audit, journals->number, "cannot list the claims in " JOURNAL_DIR);
	if (journals->is_unsafe)
		audit_unknown(audit, "cannot trust the claims in " JOURNAL_DIR
				     ": users other than root can write to it");
	if (n_unknown) {
		cleanup_free char *names = names_of(journals, CLAIMS_UNKNOWN);
		audit_unknown(audit, "cannot determine whether %zu claim%s still held (VM %s): %s",
			n_unknown, n_unknown == 1 ? " is" : "s are", names, first_why(journals));
	}
	if (n) {
		cleanup_free char *names = names_of(journals, CLAIMS_ABANDONED);
		audit_fail(audit, NO_CLASS,
			"%zu claim%s abandoned (VM %s): the process that held the files has ended, "
			"and their owners are not restored",
			n, n == 1 ? " is" : "s are", names);
	}
}
