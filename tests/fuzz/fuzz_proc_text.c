/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every parser of /proc's files, on the same bytes: none of them may rely on their form. */
#include "audit/objects.h"
#include "base/proc.h"
#include "base/proc_text.h"
#include "base/subid.h"
#include "fuzz.h"
#include "isolate/pool.h"
#include "path/nfs4_acl.h"

#include <sys/acl.h>

static void parse_status(const char *text)
{
	struct proc_status status;
	struct proc_details details;
	cleanup_free char *error = NULL;
	cleanup_free char *why = NULL;

	if (proc_status_parse(text, &status, &error))
		proc_status_free(&status);
	else
		check(error);
	check(proc_details_parse(text, &details, &why) || why);
}

static void parse_mounts(const char *text)
{
	struct proc_mount mount;

	while (proc_mountinfo_next(&text, &mount)) {
		proc_options_have(mount.options, "hidepid=2");
		proc_mount_free(&mount);
	}
}

/* A part of the pool is taken where a line has a part of it, and nowhere else. */
static void parse_subids(const char *text)
{
	const struct id_range pool = {.first = 90000, .count = 64};
	struct pool_taken taken;
	struct subid_line line = {0};
	bool expected = false, found = false;
	uint32_t lowest;

	while (subid_next(text, &line)) {
		check(line.name < line.length && line.begin[line.name] == ':');
		expected |= !subid_is_reservation(&line) &&
			    pool_overlap(&pool, line.first, line.count, &lowest);
	}
	pool_taken_init(&taken, &pool);
	pool_take_subids(&taken, text);
	for (unsigned i = 0; i < pool.count; i++)
		found |= taken.is_taken[i];
	check(found == expected);
	pool_take_status(&taken, text);
	pool_taken_free(&taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xmalloc(size + 1);
	struct proc_stat stat;
	long long seconds;
	unsigned flags;
	uint64_t limit;
	struct proc_guest_memory memory;

	memcpy(text, data, size);
	text[size] = '\0';
	parse_status(text);
	parse_mounts(text);
	parse_subids(text);
	proc_fdinfo_flags(text, &flags);
	proc_stat_parse(text, &stat);
	proc_stat_boot(text, &seconds);
	proc_limits_soft(text, "Max core file size", &limit);
	proc_smaps_guest_memory(text, &memory);
	free(proc_cgroup_path(text, "devices"));
	free(proc_cgroup_path(text, ""));
	audit_acl_rights(data, size, ACL_USER, 107);
	free(nfs4_acl_named_writer(data, size));
	return 0;
}
