/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/core_dumps.h"

#include "audit/check_functions.h"
#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum written {
	NOT_WRITTEN,
	BY_LIMIT, /* RLIMIT_CORE allows it */
	BY_PIPE,  /* core_pattern names a program, which gets it whatever the limit */
	LIMIT_NOT_TOLD,
	PATTERN_NOT_TOLD,
};

/*
 * kernel/coredump.c: a program in core_pattern gets the dump whatever the limit, but for
 * a limit of 1. systemd-coredump is told the limit (%c) and keeps nothing at 0.
 */
static enum written is_written(
	struct audit *audit, const struct audit_process *process, uint64_t *limit)
{
	const char *pattern = tree_read_once(&audit->tree, "/proc/sys/kernel/core_pattern");

	if (!process->limits || !proc_limits_soft(process->limits, "Max core file size", limit))
		return LIMIT_NOT_TOLD;
	if (*limit > 0)
		return *limit == 1 ? NOT_WRITTEN : BY_LIMIT;
	if (!pattern)
		return PATTERN_NOT_TOLD;
	if (*pattern == '|' && !(strstr(pattern, "/systemd-coredump ") && strstr(pattern, " %c")))
		return BY_PIPE;
	return NOT_WRITTEN;
}

void audit_core_read(struct audit *audit, int directory, struct audit_process *p)
{
	uint64_t limit;
	enum written written = is_written(audit, p, &limit);

	if (written != BY_LIMIT && written != BY_PIPE)
		return;
	cleanup_free char *text = tree_read_at(&audit->tree, directory, "smaps", NULL);
	p->memory_errno = text ? 0 : errno;
	if (text)
		proc_smaps_guest_memory(text, &p->memory);
}

void check_core_dumps(struct audit *audit, const struct audit_process *process)
{
	const struct proc_guest_memory *memory = &process->memory;
	uint64_t limit;
	enum written written = is_written(audit, process, &limit);

	if (written == NOT_WRITTEN)
		return;
	if (written == LIMIT_NOT_TOLD)
		audit_unknown(audit, "cannot read the core file size limit");
	else if (written == PATTERN_NOT_TOLD)
		audit_unknown(audit, "cannot read core_pattern");
	else if (process->memory_errno)
		audit_unreadable(audit, process->memory_errno,
			"cannot determine whether core dumps contain guest memory");
	else if (memory->total > 0 && memory->dumped == 0)
		return;
	else if (written == BY_PIPE)
		audit_fail(audit, NO_CLASS,
			"core_pattern pipes core dumps into a program, whatever RLIMIT_CORE");
	else if (limit == UINT64_MAX)
		audit_fail(audit, NO_CLASS, "RLIMIT_CORE allows core dumps of any size");
	else
		audit_fail(audit, NO_CLASS, "RLIMIT_CORE allows core dumps of %llu bytes",
			(unsigned long long)limit);
}
