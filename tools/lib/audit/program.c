/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the program that runs, and of who can get at its memory. */
#include "audit/check_functions.h"
#include "audit/ordinary.h"
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
		"cannot examine the executable");
}

static bool differ(const uint32_t id[4])
{
	return id[0] != id[1] || id[0] != id[2] || id[0] != id[3];
}

/*
 * A program that an ordinary user has given bits gives others what the user can do; capabilities
 * for its own user namespace count on no host. What somebody else gives the user is more.
 */
static void judge_exe_gain(struct audit *audit, const struct audit_process *process)
{
	const struct stat *st = &process->exe_st;
	bool is_users = process->is_ordinary && audit_has_id(audit, process, st->st_uid);

	if (st->st_mode & (S_ISUID | S_ISGID))
		(is_users ? audit_fail : audit_fail_beyond)(audit, NO_CLASS,
			"%s is set-user-ID or set-group-ID (mode %04o)", process->exe,
			st->st_mode & 07777);
	if (process->executable->capabilities > 0)
		(process->executable->capabilities > 1 ? audit_fail : audit_fail_beyond)(audit,
			NO_CLASS, "%s has file capabilities; show them with getcap", process->exe);
}

void check_gain(struct audit *audit, const struct audit_process *process)
{

	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		if (differ(status->uid) || differ(status->gid))
			audit_fail(audit, c,
				"real, effective, saved and file system ids differ: users %u %u %u "
				"%u, groups %u %u %u %u",
				status->uid[0], status->uid[1], status->uid[2], status->uid[3],
				status->gid[0], status->gid[1], status->gid[2], status->gid[3]);
	}
	if (!process->has_exe_st) {
		say_exe_unknown(audit, process);
		return;
	}
	judge_exe_gain(audit, process);
	if (process->executable->capabilities_errno == ATTEMPT_SILENT)
		audit_unreadable(audit, ATTEMPT_SILENT,
			"cannot determine whether the executable has file capabilities");
	else if (process->executable->capabilities < 0)
		audit_unknown(
			audit, "cannot determine whether %s has file capabilities", process->exe);
}

/*
 * The first directory above the executable that users other than root can change, and a
 * new *cause. errno is not 0 where that could not be told.
 */
static char *weak_directory(struct audit *audit, const struct audit_process *process, char **cause)
{
	struct audit_executable *file = process->executable;
	struct stat st;

	/* Another mount namespace, or another file by now: the directories are not those of the
	 * file. */
	if (!file->was_sought) {
		bool is_there = tree_stat(&audit->tree, file->path, &st, 0);
		bool is_gone = !is_there && (errno == ENOENT || errno == ENOTDIR);
		file->seek_errno = is_there || is_gone ? 0 : errno;
		file->is_at_path =
			is_there && st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino;
		file->was_sought = true;
	}
	errno = file->seek_errno;
	return file->is_at_path ? audit_weak_directory(audit, file->path, cause) : NULL;
}

/* Its owner is judged for itself. */
static void judge_writers(struct audit *audit, const struct audit_process *process)
{
	const struct trust_facts *facts = &process->executable->writers;
	struct trust_report report;

	trust_judge(facts, 0, &report);
	if (!report.is_shared)
		return;
	if (!facts->is_read || facts->number) {
		audit_unreadable(audit, facts->number ? facts->number : ENOENT,
			"cannot determine who can write to the executable");
		return;
	}
	cleanup_free char *cause = audit_writers_cause(audit, facts, &report);
	audit_fail(audit, NO_CLASS,
		"executable is writable by users other than root: %s (mode %04o)%s", process->exe,
		facts->mode & 07777, cause);
}

void check_executable(struct audit *audit, const struct audit_process *process)
{
	const struct stat *st = &process->exe_st;

	if (!process->exe) {
		say_exe_unknown(audit, process);
		return;
	}
	size_t length = proc_path_length(process->exe);
	bool says_deleted = process->exe[length] != '\0';
	if (says_deleted || (process->has_exe_st && st->st_nlink == 0)) {
		audit_fail(
			audit, NO_CLASS, "executable was deleted: %.*s", (int)length, process->exe);
		if (!process->has_exe_st)
			return;
	}
	if (!process->has_exe_st) {
		say_exe_unknown(audit, process);
		return;
	}
	if (st->st_uid != 0) {
		cleanup_free char *owner = tree_user_name(&audit->tree, st->st_uid);
		audit_fail(
			audit, NO_CLASS, "%s is owned by %s instead of root", process->exe, owner);
	}
	if (process->executable->writers.is_read || !says_deleted)
		judge_writers(audit, process);
	cleanup_free char *cause = NULL;
	cleanup_free char *weak = weak_directory(audit, process, &cause);
	if (!weak && errno)
		audit_unreadable(
			audit, errno, "cannot examine the parent directories of the executable");
	if (weak)
		audit_fail(audit, NO_CLASS,
			"%s, a parent directory of %s, is writable by users other than root%s",
			weak, process->exe, cause ? cause : "");
}

void check_traced(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		int64_t tracer = audit_class(process, c)->details.tracer;
		if (tracer < 0)
			audit_unknown(audit, "the kernel does not report a tracer");
		else if (tracer > 0)
			audit_fail(audit, c, "traced by process %lld", (long long)tracer);
	}
}
