/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/verdict.h"

#include "audit/isolation.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

static int by_pid(const void *key, const void *element)
{
	pid_t pid = *(const pid_t *)key, other = (*(struct audit_process *const *)element)->pid;

	return (pid > other) - (pid < other);
}

/* Its index; n_processes: there is none. */
static size_t index_of(const struct audit *audit, pid_t pid)
{
	struct audit_process *const *found =
		audit->n_processes ? bsearch(&pid, audit->processes, audit->n_processes,
					     sizeof *audit->processes, by_pid)
				   : NULL;

	return found ? (size_t)(found - audit->processes) : audit->n_processes;
}

const struct audit_process *audit_process_of(const struct audit *audit, pid_t pid)
{
	size_t i = index_of(audit, pid);

	return i < audit->n_processes ? audit->processes[i] : NULL;
}

/* Which of two findings is the one to tell: what could not be seen is worse than what is low. */
static int rank(const struct finding *finding)
{
	if (finding->verdict == VERDICT_FAIL)
		return 2 * (int)finding->severity + 2;
	if (finding->verdict == VERDICT_UNKNOWN)
		return finding->is_blind ? 2 * SEVERITY_LOW + 3 : 1;
	return 0;
}

static enum grade grade_of(const struct finding *worst)
{
	if (!worst)
		return GRADE_PASS;
	return worst->verdict == VERDICT_FAIL ? GRADE_INFO + (enum grade)worst->severity
					      : GRADE_UNKNOWN;
}

struct process_verdict *audit_verdicts(const struct audit *audit)
{
	struct process_verdict *all = xcalloc(audit->n_processes + 1, sizeof *all);

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		struct process_verdict *v = &all[index_of(audit, finding->pid)];
		v->n_findings += finding->verdict == VERDICT_FAIL;
		if (rank(finding) > (v->worst ? rank(v->worst) : 0))
			v->worst = finding;
	}
	for (size_t i = 0; i <= audit->n_processes; i++)
		all[i].grade = grade_of(all[i].worst);
	for (size_t i = 0; i < audit->n_processes; i++) {
		const struct audit_process *process = audit->processes[i];
		all[i].is_vm = process->found_by != FOUND_BY_REQUEST &&
			       !audit_process_of(audit, process->parent);
	}
	return all;
}

const char *audit_grade_name(enum grade grade)
{
	if (grade == GRADE_PASS || grade == GRADE_UNKNOWN)
		return verdict_name(grade == GRADE_PASS ? VERDICT_PASS : VERDICT_UNKNOWN);
	return severity_name((enum severity)(grade - GRADE_INFO));
}

void audit_count_vms(
	const struct audit *audit, const struct process_verdict *verdicts, size_t n[N_GRADES])
{
	memset(n, 0, N_GRADES * sizeof *n);
	for (size_t i = 0; i < audit->n_processes; i++)
		n[verdicts[i].grade] += verdicts[i].is_vm;
}

/*
 * What helps
 */

static bool is_privileged(const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		for (int i = 0; i < 4; i++)
			if (status->uid[i] == 0)
				return true;
		if (status->permitted)
			return true;
	}
	return false;
}

/* Whether the finding is about what a process was given at its start. */
static bool is_of_start(const struct audit_check *check)
{
	static const char *const ids[] = {
		"P01", "P02", "P03", "P05", "P06", "P07", "P08", "P09", "P18"};

	for (size_t i = 0; i < N_ELEMENTS(ids); i++)
		if (strcmp(check->id, ids[i]) == 0)
			return true;
	return false;
}

/* Who starts it goes by the settings. */
static char *settings_remedy(const struct audit *audit, const char *whose)
{
	const struct settings *s = &audit->settings;
	bool is_root = audit->has_user != 1 || audit->user.uid == 0;
	cleanup_free char *set =
		is_root ? xasprintf("virt-priv-conf set user qemu; virt-priv-conf set group qemu; "
				    "then restart ")
			: xasprintf("user in qemu.conf is %s already: restart ", s->user.value);

	return xasprintf("%s%s", set, whose);
}

/* The service that has QEMU in its ExecStart=; sessions and user managers have none. */
static bool is_service(const char *unit)
{
	size_t length = unit ? strlen(unit) : 0, end = strlen(".service");

	return length > end && strcmp(unit + length - end, ".service") == 0 &&
	       strncmp(unit, "user@", strlen("user@")) != 0;
}

/* Of a QEMU that is privileged: how it is started without that. */
static char *start_remedy(const struct audit *audit, const struct audit_process *process)
{
	if (process->is_libvirt)
		return settings_remedy(audit, "libvirt's daemon, and the VM");
	if (process->named_by == NAMED_BY_RUN)
		return settings_remedy(audit, "the VM");
	cleanup_free char *where =
		is_service(process->unit)
			? xasprintf("unit %s: put virt-priv-run before QEMU in ExecStart",
				  process->unit)
			: xstrdup("put virt-priv-run before its command line");
	return xasprintf("%s; what would prevent the start: virt-priv-run --check --pid %d", where,
		process->pid);
}

/* What libvirt can do about a VM of its own; NULL: what the catalogue says. */
static const char *libvirt_remedy(const struct audit_check *check)
{
	if (strcmp(check->id, "P21") == 0)
		return "Give the domain ids of its own: " ISOLATION_STATIC_LABEL;
	if (strcmp(check->id, "P22") == 0 || strcmp(check->id, "P23") == 0)
		return "None: libvirt has no setting for it.";
	return NULL;
}

char *audit_remedy(const struct audit *audit, const struct finding *finding)
{
	const struct audit_process *process = audit_process_of(audit, finding->pid);

	if (finding->is_idle)
		return xstrdup("none is needed: it can do no more than its user");
	if (finding->verdict != VERDICT_FAIL)
		return xasprintf("virt-priv-audit --explain %s", finding->check->id);
	if (process && audit_is_qemu(process) && is_of_start(finding->check) &&
		is_privileged(process))
		return start_remedy(audit, process);
	const char *libvirts =
		process && process->is_libvirt ? libvirt_remedy(finding->check) : NULL;
	return xstrdup(libvirts ? libvirts : finding->check->remedy);
}
