/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/report.h"

#include "audit/journals.h"
#include "audit/run.h"
#include "audit/verdict.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/syslog_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* The kind of the records in the journal. */
#define MESSAGE_ID_FINDING "bfd0ee6dbb7a44cd9bb5f27d9e0ba0f4"
#define MESSAGE_ID_UNKNOWN "4b58b2b7fd7c4e0fb0a4eb7e1a1e6d11"

/* Of the name of a VM, so many bytes are in a line for people. */
#define MAX_NAME 64

/* How long the log may take to take a record. */
#define JOURNAL_SECONDS 10

size_t audit_count(const struct audit *audit, enum verdict verdict, enum severity at_least)
{
	size_t n = 0;

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		n += finding->verdict == verdict &&
		     (verdict == VERDICT_FAIL ? finding->severity >= at_least : !finding->is_idle);
	}
	return n;
}

/* ": 1 critical, 2 low", of numbers from the worst on; new. */
static char *grades_text(const size_t n[N_GRADES])
{
	static const enum grade order[] = {GRADE_CRITICAL, GRADE_HIGH, GRADE_MEDIUM, GRADE_UNKNOWN,
		GRADE_LOW, GRADE_INFO, GRADE_PASS};
	char *text = xstrdup("");

	for (size_t i = 0; i < N_ELEMENTS(order); i++) {
		if (!n[order[i]])
			continue;
		cleanup_free char *before = text;
		text = xasprintf("%s%s %zu %s", before, *before ? "," : ":", n[order[i]],
			audit_grade_name(order[i]));
	}
	return text;
}

/* "claims: 3 held, 1 abandoned", new. */
static char *claims_text(const struct audit_journals *journals)
{
	if (journals->number || journals->is_unsafe)
		return xstrdup("claims: unknown");
	cleanup_free char *unknown =
		journals->n_unknown ? xasprintf(", %zu unknown", journals->n_unknown) : xstrdup("");
	return xasprintf("claims: %zu held, %zu abandoned%s", journals->n_held,
		journals->n_abandoned, unknown);
}

void audit_report_summary(const struct audit *audit)
{
	cleanup_free struct process_verdict *verdicts = audit_verdicts(audit);
	size_t vms[N_GRADES], host[N_GRADES] = {0}, n_vms = 0, n_host = 0;

	audit_count_vms(audit, verdicts, vms);
	for (size_t i = 0; i < N_GRADES; i++)
		n_vms += vms[i];
	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (finding->pid || finding->verdict != VERDICT_FAIL)
			continue;
		host[GRADE_INFO + (int)finding->severity]++;
		n_host++;
	}
	cleanup_free char *of_vms = grades_text(vms);
	cleanup_free char *of_host = grades_text(host);
	cleanup_free char *claims = claims_text(audit->journals);
	size_t n_unknown = audit_count(audit, VERDICT_UNKNOWN, SEVERITY_INFO);
	printf("%zu VM%s%s; host: %zu finding%s%s; %s; %zu check%s unknown\n", n_vms,
		n_vms == 1 ? "" : "s", of_vms, n_host, n_host == 1 ? "" : "s", of_host, claims,
		n_unknown, n_unknown == 1 ? "" : "s");
}

/* For one line that has figures behind its first "|". New. */
static char *nagios_text(const char *text)
{
	char *safe = log_escape(text);

	for (char *p = safe; *p; p++)
		*p = *p == '|' ? '/' : *p;
	return safe;
}

static void print_worst(const struct audit *audit, const struct finding *worst)
{
	const struct audit_process *process = audit_process_of(audit, worst->pid);
	cleanup_free char *message = nagios_text(worst->message);
	cleanup_free char *name = nagios_text(process && process->vm_name ? process->vm_name : "");

	printf(", worst: %s ", worst->check->id);
	if (*name)
		printf("VM %.*s (process %d) ", MAX_NAME, name, worst->pid);
	else if (worst->pid)
		printf("process %d ", worst->pid);
	fputs(message, stdout);
}

/* Of the monitoring plugins' guidelines: "U" is a value that could not be determined. */
static void print_figures(const struct audit *audit, size_t n_findings)
{
	const struct audit_journals *journals = audit->journals;
	cleanup_free struct process_verdict *verdicts = audit_verdicts(audit);
	size_t n_vms = 0;

	for (size_t i = 0; i < audit->n_processes; i++)
		n_vms += verdicts[i].is_vm;
	printf(" | findings=%zu processes=%zu unknown=%zu vms=%zu", n_findings, audit->n_processes,
		audit_count(audit, VERDICT_UNKNOWN, SEVERITY_INFO), n_vms);
	if (audit_journals_are_known(journals))
		printf(" claims_held=%zu claims_abandoned=%zu\n", journals->n_held,
			journals->n_abandoned);
	else
		printf(" claims_held=U claims_abandoned=U\n");
}

int audit_report_nagios(const struct audit *audit, const struct report_request *request)
{
	static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	int status = audit_status(audit, request->threshold, request->strict);
	const struct finding *worst = NULL;
	size_t n = audit_count(audit, VERDICT_FAIL, request->threshold);

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (audit_counts(finding, request->threshold) &&
			(!worst || finding->severity > worst->severity))
			worst = finding;
	}
	/* What was found is worse than what could not be seen. */
	int state = worst ? (worst->severity >= SEVERITY_HIGH ? 2 : 1) : status == 2 ? 3 : 0;
	printf("VIRT-PRIV-AUDIT %s - %zu finding%s", states[state], n, n == 1 ? "" : "s");
	if (worst)
		print_worst(audit, worst);
	else if (status == 2)
		printf(", but the audit is incomplete");
	print_figures(audit, n);
	return state;
}

static int priority_of(const struct finding *finding)
{
	static const int priorities[] = {LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERR, LOG_CRIT};

	return finding->verdict == VERDICT_FAIL ? priorities[finding->severity] : LOG_NOTICE;
}

/* Whether the log has got it. */
static bool record(const struct finding *finding, unsigned wait_s)
{
	bool failed = finding->verdict == VERDICT_FAIL;
	cleanup_free char *pid = xasprintf("%d", finding->pid);
	cleanup_free char *tid = xasprintf("%d", finding->tid);
	cleanup_free char *message =
		finding->pid ? xasprintf("%s: process %d: %s", finding->check->id, finding->pid,
				       finding->message)
			     : xasprintf("%s: %s", finding->check->id, finding->message);
	const struct syslog_record_field fields[] = {
		{"VIRT_PRIV_CHECK", finding->check->id},
		{"VIRT_PRIV_SEVERITY", severity_name(finding->severity)},
		{"VIRT_PRIV_STATUS", verdict_name(finding->verdict)},
		{"VIRT_PRIV_PID", pid},
		{"VIRT_PRIV_TID", tid},
		{NULL, NULL},
	};

	return syslog_record_send(priority_of(finding), "virt-priv-audit",
		failed ? MESSAGE_ID_FINDING : MESSAGE_ID_UNKNOWN, message, fields, wait_s);
}

void audit_report_journal(const struct audit *audit)
{
	size_t n = 0, n_lost = 0;

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (finding->verdict != VERDICT_FAIL && finding->verdict != VERDICT_UNKNOWN)
			continue;
		n++;
		/* A log that has not taken one in that time need not be waited for again. */
		n_lost += !record(finding, n_lost ? 0 : JOURNAL_SECONDS);
	}
	if (n_lost)
		warn("%zu of %zu findings could not be written to the system log", n_lost, n);
}
