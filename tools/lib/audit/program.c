/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the program that runs, and of who can get at its memory. */
#include "audit/check_functions.h"
#include "audit/writers.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void say_exe_unknown(struct audit *audit, const struct audit_process *process)
{
	bool is_silent = process->exe_errno == ATTEMPT_SILENT;
	audit_unreadable(audit, process->exe && !is_silent ? ENOENT : process->exe_errno,
		"its executable can't be examined");
}

static bool differ(const uint32_t id[4])
{
	return id[0] != id[1] || id[0] != id[2] || id[0] != id[3];
}

void check_gain(struct audit *audit, const struct audit_process *process)
{
	const struct stat *st = &process->exe_st;

	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		if (differ(status->uid) || differ(status->gid))
			audit_fail(audit, c,
				"its ids differ, and it can change between them: users %u %u %u "
				"%u, "
				"groups %u %u %u %u",
				status->uid[0], status->uid[1], status->uid[2], status->uid[3],
				status->gid[0], status->gid[1], status->gid[2], status->gid[3]);
	}
	if (!process->has_exe_st) {
		say_exe_unknown(audit, process);
		return;
	}
	if (st->st_mode & (S_ISUID | S_ISGID))
		audit_fail(audit, NO_CLASS, "%s has a set-id bit (mode %04o)", process->exe,
			st->st_mode & 07777);
	if (process->exe_capabilities == 1)
		audit_fail(audit, NO_CLASS, "%s has file capabilities; getcap shows them",
			process->exe);
	else if (process->exe_capabilities_errno == ATTEMPT_SILENT)
		audit_unreadable(audit, ATTEMPT_SILENT,
			"whether its executable has file capabilities can't be told");
	else if (process->exe_capabilities < 0)
		audit_unknown(audit, "can't tell whether %s has file capabilities", process->exe);
}

/*
 * The first directory on the way to the executable that others than root can change, and a
 * new *cause. errno is not 0 where that could not be told.
 */
static char *weak_directory(struct audit *audit, const struct audit_process *process, char **cause)
{
	struct stat st;

	/* Another mount namespace, or another file by now: the way is not that of the file. */
	bool is_there = tree_stat(&audit->tree, process->exe, &st, 0);
	errno = is_there || errno == ENOENT || errno == ENOTDIR ? 0 : errno;
	if (!is_there || st.st_dev != process->exe_st.st_dev || st.st_ino != process->exe_st.st_ino)
		return NULL;
	return audit_weak_directory(audit, process->exe, cause);
}

/* Its owner is judged for itself. */
static void judge_writers(struct audit *audit, const struct audit_process *process)
{
	const struct trust_facts *facts = &process->exe_writers;
	struct trust_report report;

	trust_judge(facts, 0, &report);
	if (!report.is_shared)
		return;
	if (!facts->is_read || facts->number) {
		audit_unreadable(audit, facts->number ? facts->number : ENOENT,
			"who can write to its executable can't be examined");
		return;
	}
	cleanup_free char *cause = audit_writers_cause(audit, facts, &report);
	audit_fail(audit, NO_CLASS, "others than root can write to %s (mode %04o)%s", process->exe,
		facts->mode & 07777, cause);
}

void check_executable(struct audit *audit, const struct audit_process *process)
{
	static const char deleted[] = " (deleted)";
	const struct stat *st = &process->exe_st;

	if (!process->exe) {
		say_exe_unknown(audit, process);
		return;
	}
	size_t length = strlen(process->exe), cut = strlen(deleted);
	bool says_deleted = length > cut && strcmp(process->exe + length - cut, deleted) == 0;
	if (says_deleted || (process->has_exe_st && st->st_nlink == 0)) {
		audit_fail(audit, NO_CLASS, "its executable was deleted: %.*s",
			(int)(says_deleted ? length - cut : length), process->exe);
		if (!process->has_exe_st)
			return;
	}
	if (!process->has_exe_st) {
		say_exe_unknown(audit, process);
		return;
	}
	if (st->st_uid != 0) {
		cleanup_free char *owner = tree_user_name(&audit->tree, st->st_uid);
		audit_fail(audit, NO_CLASS, "%s is owned by %s", process->exe, owner);
	}
	if (process->exe_writers.is_read || !says_deleted)
		judge_writers(audit, process);
	cleanup_free char *cause = NULL;
	cleanup_free char *weak = weak_directory(audit, process, &cause);
	if (!weak && errno)
		audit_unreadable(audit, errno, "the way to its executable can't be examined");
	if (weak)
		audit_fail(audit, NO_CLASS, "others than root can change %s, the way to %s%s", weak,
			process->exe, cause ? cause : "");
}

void check_traced(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		int64_t tracer = audit_class(process, c)->details.tracer;
		if (tracer < 0)
			audit_unknown(audit, "the kernel does not say who traces it");
		else if (tracer > 0)
			audit_fail(audit, c, "process %lld traces it", (long long)tracer);
	}
}

/*
 * kernel/coredump.c: a program in core_pattern gets the dump whatever the limit, but for
 * a limit of 1. systemd-coredump is told the limit (%c) and keeps nothing at 0.
 */
void check_core_dumps(struct audit *audit, const struct audit_process *process)
{
	const char *pattern = tree_read_once(&audit->tree, "/proc/sys/kernel/core_pattern");
	uint64_t limit;

	if (!process->limits || !proc_limits_soft(process->limits, "Max core file size", &limit)) {
		audit_unknown(audit, "its limit on core files can't be read");
		return;
	}
	if (limit == 1)
		return;
	bool is_piped = pattern && *pattern == '|';
	if (limit == 0 && is_piped &&
		!(strstr(pattern, "/systemd-coredump ") && strstr(pattern, " %c")))
		audit_fail(audit, NO_CLASS,
			"core_pattern pipes core dumps into a program, "
			"which the limit of 0 does not stop");
	else if (limit == UINT64_MAX)
		audit_fail(audit, NO_CLASS, "can leave a core dump of any size");
	else if (limit > 0)
		audit_fail(audit, NO_CLASS, "can leave a core dump of %llu bytes",
			(unsigned long long)limit);
	else if (!pattern)
		audit_unknown(audit, "core_pattern can't be read");
}
