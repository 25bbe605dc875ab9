/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ids of isolated VMs against what else of the host has them: accounts, what subuid(5) gives
 * to others, files.
 *
 * Who starts a VM looks at all of that before it takes an id (isolate/pool.h). What is left for an
 * audit is what came later, and what only narrows the range without anybody being told.
 */
#include "audit/check_functions.h"
#include "audit/isolation.h"
#include "audit/objects.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/subid.h"
#include "isolate/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* A directory of more files than that is no place to look for those of a VM. */
#define MAX_FILES 4096

static enum severity severity_here(struct audit *audit)
{
	return audit_host_isolates(audit) ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static const struct id_range *pool_of(const struct audit *audit)
{
	return &audit->settings.isolate_ids.value;
}

/* Lines of one file that have ids of VMs: the first of them, and how many. */
struct lines {
	const char *file;
	char *first; /* "alice:65536:65536"; NULL: none */
	unsigned number, n;
	struct pool_taken taken; /* ids that any of them has */
};

static struct lines begin_lines(const struct audit *audit, const char *file)
{
	struct lines lines = {.file = file};

	pool_taken_init(&lines.taken, pool_of(audit));
	return lines;
}

/* Takes the new text. */
static void add_line(struct lines *lines, unsigned number, char *text, unsigned long long first,
	unsigned long long count)
{
	pool_take_range(&lines->taken, first, count);
	if (lines->n++ == 0) {
		lines->first = text;
		lines->number = number;
	} else {
		free(text);
	}
}

static void fail_lines(struct audit *audit, const struct lines *lines)
{
	const struct id_range *pool = pool_of(audit);
	cleanup_free char *more = lines->n > 1 ? xasprintf(", and %u more line%s,", lines->n - 1,
							 lines->n == 2 ? "" : "s")
					       : xstrdup("");
	unsigned ids = 0;

	for (unsigned i = 0; i < pool->count; i++)
		ids += lines->taken.is_taken[i];
	audit_fail_as(audit, severity_here(audit), NO_CLASS,
		"%s:%u: %s%s overlap%s with isolate_ids = \"%u:%u\" of qemu.conf: %u id%s "
		"cannot be given to VMs",
		lines->file, lines->number, lines->first, more, lines->n == 1 ? "s" : "",
		pool->first, pool->count, ids, ids == 1 ? "" : "s");
}

static void end_lines(struct audit *audit, struct lines *lines)
{
	if (lines->n)
		fail_lines(audit, lines);
	pool_taken_free(&lines->taken);
	free(lines->first);
}

/* A file as new text. NULL: there is none, or it could not be read, which was said. */
static char *read_database(struct audit *audit, const char *path)
{
	char *text = tree_read(&audit->tree, path, NULL);

	if (!text && errno != ENOENT) {
		int number = errno;
		cleanup_free char *what = xasprintf("cannot read %s", path);
		audit_unreadable(audit, number, what);
	}
	return text;
}

/* Whether lines of the pool's own have all of it. */
static bool is_reserved(const struct id_range *pool, const char *text)
{
	struct subid_line line = {0};
	unsigned ids = 0;
	uint32_t lowest;

	while (subid_next(text, &line))
		if (subid_is_reservation(&line))
			ids += pool_overlap(pool, line.first, line.count, &lowest);
	return ids >= pool->count;
}

/* Without such a file nobody hands out ids: useradd(8) begins to where there is one. */
static void judge_subids(struct audit *audit, const char *path)
{
	const struct id_range *pool = pool_of(audit);
	cleanup_free char *text = read_database(audit, path);
	struct subid_line line = {0};
	uint32_t lowest;

	if (!text)
		return;
	struct lines lines = begin_lines(audit, path);
	while (subid_next(text, &line))
		if (!subid_is_reservation(&line) &&
			pool_overlap(pool, line.first, line.count, &lowest))
			add_line(&lines, line.number, xstrndup(line.begin, line.length), line.first,
				line.count);
	end_lines(audit, &lines);
	if (audit_host_isolates(audit) && !is_reserved(pool, text))
		audit_fail_as(audit, SEVERITY_LOW, NO_CLASS,
			"isolate_ids = \"%u:%u\" of qemu.conf is not reserved in %s, so that the "
			"ids can be given to others; to reserve it: virt-priv-conf reserve-ids",
			pool->first, pool->count, path);
}

/* "NAME:PASSWORD:ID:...", of passwd(5) or group(5): false if that has no id. */
static bool parse_account(const char *line, size_t length, unsigned long long *id)
{
	const char *colon = memchr(line, ':', length);
	char *end;

	if (!colon || !(colon = memchr(colon + 1, ':', length - (size_t)(colon + 1 - line))))
		return false;
	if (colon[1] < '0' || colon[1] > '9')
		return false;
	*id = strtoull(colon + 1, &end, 10);
	return *end == ':';
}

static void judge_accounts(struct audit *audit, const char *path)
{
	cleanup_free char *text = read_database(audit, path);
	struct lines lines = begin_lines(audit, path);
	unsigned number = 0;

	for (const char *line = text; line && *line;) {
		size_t length = strcspn(line, "\n");
		unsigned long long id;
		number++;
		if (parse_account(line, length, &id) && id < UINT32_MAX &&
			audit_is_vm_id(audit, (uint32_t)id))
			add_line(&lines, number,
				xasprintf("%.*s:%llu", (int)strcspn(line, ":"), line, id), id, 1);
		line += length + (line[length] == '\n');
	}
	end_lines(audit, &lines);
}

/* newuidmap(1) gives the ids of a line to the account of that name. */
static void judge_owner(struct audit *audit)
{
	struct tree_account account;
	int has = tree_find_user(&audit->tree, SUBID_OWNER, &account);

	if (has < 0)
		audit_unreadable(
			audit, errno, "cannot look up " SUBID_OWNER " in the account database");
	else if (has)
		audit_fail_as(audit, severity_here(audit), NO_CLASS,
			"user " SUBID_OWNER " (%u) exists: newuidmap(1) gives that account the ids "
			"of VMs, which " SUBID_OWNER " reserves in /etc/subuid",
			account.uid);
	tree_account_free(&account);
}

/* The name services are asked for those ids alone that VMs have now: one can have many. */
static void judge_running(struct audit *audit, const struct audit_process *process)
{
	uint32_t uid = process->n_classes ? audit_class(process, 0)->status.uid[0] : 0;
	cleanup_free char *spec = xasprintf("+%u", uid);
	struct tree_account account;

	if (!audit_is_vm_id(audit, uid))
		return;
	int has = tree_find_user(&audit->tree, spec, &account);
	if (has < 0)
		audit_unreadable(
			audit, errno, "cannot look up the id of a VM in the account database");
	else if (account.name)
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"user %s has the id %u of a running VM: each can reach what the other "
			"has; restart the VM",
			account.name, uid);
	if (has < 0 || account.name)
		audit->findings[audit->n_findings - 1].pid = process->pid;
	tree_account_free(&account);
}

/* Whether a VM that runs has the id, or one keeps it. */
static bool is_in_use(const struct audit *audit, uint32_t uid)
{
	cleanup_free char *kept = xasprintf(POOL_KEPT "/%u", uid);
	struct stat st;

	for (size_t i = 0; i < audit->n_processes; i++)
		for (size_t c = 0; c < audit->processes[i]->n_classes; c++)
			if (audit_class(audit->processes[i], c)->status.uid[PROC_FS] == uid)
				return true;
	return tree_stat(&audit->tree, kept, &st, AT_SYMLINK_NOFOLLOW);
}

/* False: the rest of the directory is not looked at. */
static bool judge_file(struct audit *audit, const char *path)
{
	struct stat st;

	if (!tree_stat(&audit->tree, path, &st, AT_SYMLINK_NOFOLLOW)) {
		int number = errno;
		cleanup_free char *what = xasprintf("cannot examine %s", path);
		if (number == ENOENT)
			return true;
		audit_unreadable(audit, number, what);
		return false;
	}
	if (!audit_is_vm_id(audit, st.st_uid) || is_in_use(audit, st.st_uid) ||
		audit_is_claimed(audit, &st, st.st_uid))
		return true;
	audit_fail_as(audit, severity_here(audit), NO_CLASS,
		"%s belongs to %u, an id of isolate_ids that no VM has now: the next VM with it "
		"would own the file; remove it, or change its owner",
		path, st.st_uid);
	return false;
}

/* The first such file of the directory is named. */
static void judge_directory(struct audit *audit, const char *directory)
{
	size_t length, n = 0;
	cleanup_free char *names = tree_names(&audit->tree, directory, &length);
	bool goes_on = names != NULL;

	if (!names && errno != ENOENT && errno != ENOTDIR) {
		int number = errno;
		cleanup_free char *what = xasprintf("cannot list %s", directory);
		audit_unreadable(audit, number, what);
	}
	for (const char *name = names; goes_on && name < names + length; name += strlen(name) + 1) {
		cleanup_free char *path = xasprintf("%s/%s", directory, name);
		if (++n > MAX_FILES) {
			audit_unknown(audit,
				"%s has more than %d files; the owners of the others "
				"are not known",
				directory, MAX_FILES);
			return;
		}
		goes_on = judge_file(audit, path);
	}
}

void check_isolate_ids(struct audit *audit)
{
	/* Where QEMU can have written without virt-priv-run's knowing. */
	static const char *const places[] = {
		"/tmp", "/var/tmp", "/dev/shm", "/var/lib/libvirt/images"};

	if (audit->settings_errno) {
		audit_unreadable(audit, audit->settings_errno, "cannot read the settings");
		return;
	}
	judge_accounts(audit, "/etc/passwd");
	judge_accounts(audit, "/etc/group");
	judge_subids(audit, "/etc/subuid");
	judge_subids(audit, "/etc/subgid");
	judge_owner(audit);
	for (size_t i = 0; i < audit->n_processes; i++)
		judge_running(audit, audit->processes[i]);
	if (audit->is_partial)
		audit_unknown(audit, "whose the files of ids of VMs are: other VMs were not looked "
				     "for: --pid");
	for (size_t i = 0; !audit->is_partial && i < N_ELEMENTS(places); i++)
		judge_directory(audit, places[i]);
}
