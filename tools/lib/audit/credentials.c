/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of what threads may do by themselves: credentials(7), capabilities(7). */
#include "audit/check_functions.h"
#include "audit/isolation.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "launch/creds.h"

#include <linux/securebits.h>
#include <string.h>

void check_reading(struct audit *audit, const struct audit_process *process)
{
	if (process->is_torn)
		audit_fail(audit, NO_CLASS,
			"credentials keep changing: no two of five readings agree");
	else if (process->n_threads == 0)
		audit_blind(audit, "%s%s",
			process->unreadable ? process->unreadable : "no thread found",
			process->is_denied ? "; run virt-priv-audit as root with all capabilities"
					   : "");
}

static bool all_are(const uint32_t id[4], uint32_t expected)
{
	return id[0] == expected && id[1] == expected && id[2] == expected && id[3] == expected;
}

/* "real 0, effective 107, saved 0, file system 107" */
static char *four_ids(const uint32_t id[4])
{
	if (all_are(id, id[0]))
		return xasprintf("%u", id[0]);
	return xasprintf("real %u, effective %u, saved %u, file system %u", id[PROC_REAL],
		id[PROC_EFFECTIVE], id[PROC_SAVED], id[PROC_FS]);
}

static bool any_is_zero(const uint32_t id[4])
{
	return !id[0] || !id[1] || !id[2] || !id[3];
}

void check_uid_zero(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		cleanup_free char *ids = four_ids(status->uid);
		if (any_is_zero(status->uid))
			audit_fail(audit, c, "runs as root: user id %s", ids);
	}
}

void check_expected_user(struct audit *audit, const struct audit_process *process)
{
	const char *wanted = audit->settings.user.value;

	if (audit->has_user < 0)
		audit_unknown(audit, "cannot look up user %s of qemu.conf", wanted);
	else if (!audit->has_user)
		audit_unknown(audit, "user %s of qemu.conf does not exist; see H03", wanted);
	for (size_t c = 0; audit->has_user == 1 && c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		if (all_are(status->uid, audit->user.uid) ||
			audit_has_own_ids(audit, process, status))
			continue;
		cleanup_free char *ids = all_are(status->uid, status->uid[0])
						 ? tree_user_name(&audit->tree, status->uid[0])
						 : four_ids(status->uid);
		audit_fail(audit, c, "runs as user %s instead of %s (%u)", ids, wanted,
			audit->user.uid);
	}
}

void check_gid_zero(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		bool is_member = false;
		for (size_t i = 0; i < status->n_groups; i++)
			is_member = is_member || status->groups[i] == 0;
		if (any_is_zero(status->gid)) {
			cleanup_free char *ids = four_ids(status->gid);
			audit_fail(audit, c, "runs in group root: group id %s", ids);
		} else if (is_member) {
			audit_fail(audit, c, "supplementary groups include root (0)");
		}
	}
}

/* "CAP_NET_ADMIN", and where there are many, how many. */
static char *names_of(uint64_t mask)
{
	int count = __builtin_popcountll(mask);

	if (count > 4)
		return xasprintf("%d capabilities (%016llx)", count, (unsigned long long)mask);
	return creds_capability_names(mask);
}

/* Whether its capabilities count in a user namespace of its own alone (user_namespaces(7)). */
static bool is_namespaced(struct audit *audit, const struct audit_process *process)
{
	const char *own = tree_own_user_ns(&audit->tree);

	return own && process->user_ns && strcmp(own, process->user_ns) != 0;
}

static void fail_set(struct audit *audit, const struct audit_process *process, size_t class,
	uint64_t mask, const char *set)
{
	cleanup_free char *names = names_of(mask);

	if (is_namespaced(audit, process))
		audit_fail_as(audit, SEVERITY_MEDIUM, class,
			"has %s in the %s, only within its user namespace", names, set);
	else
		audit_fail(audit, class, "has %s in the %s", names, set);
}

void check_permitted(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		const char *how = "permitted and effective sets";
		if (!status->effective)
			how = "permitted set (can be made effective)";
		else if (status->effective != status->permitted)
			how = "permitted set (partly effective)";
		if (status->permitted | status->effective)
			fail_set(audit, process, c, status->permitted | status->effective, how);
	}
}

static void judge_set(struct audit *audit, const struct audit_process *process,
	uint64_t (*get)(const struct proc_status *), const char *set)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		uint64_t mask = get(&audit_class(process, c)->status);
		if (mask)
			fail_set(audit, process, c, mask, set);
	}
}

static uint64_t get_ambient(const struct proc_status *status)
{
	return status->ambient;
}

static uint64_t get_inheritable(const struct proc_status *status)
{
	return status->inheritable;
}

void check_ambient(struct audit *audit, const struct audit_process *process)
{
	judge_set(audit, process, get_ambient, "ambient set");
}

void check_inheritable(struct audit *audit, const struct audit_process *process)
{
	judge_set(audit, process, get_inheritable, "inheritable set");
}

void check_bounding(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		cleanup_free char *names = names_of(status->bounding);
		if (status->bounding)
			audit_fail_as(audit, status->no_new_privs ? SEVERITY_LOW : SEVERITY_MEDIUM,
				c, "has %s in the bounding set", names);
	}
}

void check_no_new_privs(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++)
		if (!audit_class(process, c)->status.no_new_privs)
			audit_fail(audit, c, "no_new_privs is not set");
}

void check_threads_equal(struct audit *audit, const struct audit_process *process)
{
	const struct audit_thread *first = audit_class(process, 0);

	for (size_t c = 1; c < process->n_classes; c++) {
		const struct audit_thread *other = audit_class(process, c);
		if (audit_threads_equal(first, other))
			continue;
		const char *what = "capabilities differ";
		if (memcmp(first->status.uid, other->status.uid, sizeof other->status.uid) != 0)
			what = "user ids differ";
		else if (memcmp(first->status.gid, other->status.gid, sizeof other->status.gid) !=
			 0)
			what = "group ids differ";
		else if (first->status.n_groups != other->status.n_groups ||
			 (first->status.n_groups &&
				 memcmp(first->status.groups, other->status.groups,
					 first->status.n_groups * sizeof(gid_t)) != 0))
			what = "supplementary groups differ";
		else if (first->status.no_new_privs != other->status.no_new_privs)
			what = "no_new_privs differs";
		audit_fail(audit, c, "%s from thread %d", what, first->tid);
	}
}

void check_securebits(struct audit *audit, const struct audit_process *process)
{
	static const long keeping = SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP;

	for (size_t c = 0; c < process->n_classes; c++) {
		const struct audit_thread *thread = audit_class(process, c);
		const struct proc_status *status = &thread->status;
		/* Nothing to keep, and nothing can come: true whatever the bits are. */
		if (!(status->permitted | status->ambient) &&
			(status->no_new_privs || !(status->bounding | status->inheritable)))
			continue;
		if (thread->securebits < 0) {
			audit_unknown(audit, "securebits are not shown in /proc");
			return;
		}
		if (thread->securebits & keeping)
			audit_fail(audit, c, "securebits 0x%lx preserve capabilities",
				thread->securebits);
	}
}

/* "0 100000 65536" of the lines of uid_map, in one. */
static char *one_line(const char *text)
{
	char *line = xstrdup(text);
	char *out = line;

	for (const char *p = line; *p; p++) {
		bool blank = strchr(" \t\n", *p) != NULL;
		if (!blank)
			*out++ = *p;
		else if (out > line && out[-1] != ' ')
			*out++ = ' ';
	}
	while (out > line && out[-1] == ' ')
		out--;
	*out = '\0';
	return line;
}

void check_user_namespace(struct audit *audit, const struct audit_process *process)
{
	const char *own = tree_own_user_ns(&audit->tree);
	cleanup_free char *inner = NULL;

	if (!process->user_ns || !own) {
		audit_unknown(audit, "cannot determine the user namespace");
		return;
	}
	if (strcmp(process->user_ns, own) == 0)
		return;
	if (process->n_threads && process->threads[0].details.n_ns_pid > 1) {
		const struct proc_details *details = &process->threads[0].details;
		inner = xasprintf(", pid %u inside", details->ns_pid[details->n_ns_pid - 1]);
	}
	cleanup_free char *map = one_line(process->uid_map ? process->uid_map : "unknown");
	audit_fail(audit, NO_CLASS, "runs in user namespace %s (uid_map %s)%s", process->user_ns,
		map, inner ? inner : "");
}
