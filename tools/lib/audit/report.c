/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/report.h"

#include "audit/run.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/syslog_record.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

/* The kind of the records in the journal. */
#define MESSAGE_ID_FINDING "bfd0ee6dbb7a44cd9bb5f27d9e0ba0f4"
#define MESSAGE_ID_UNKNOWN "4b58b2b7fd7c4e0fb0a4eb7e1a1e6d11"

/* How long the log may take to take a record. */
#define JOURNAL_SECONDS 10

enum column { COLUMN_CHECK, COLUMN_SEVERITY, COLUMN_PID, COLUMN_TID, COLUMN_FINDING };

/* How many findings have this verdict and, with VERDICT_FAIL, at least this severity. */
static size_t count(const struct audit *audit, enum verdict verdict, enum severity at_least)
{
	size_t n = 0;

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		n += finding->verdict == verdict &&
		     (verdict != VERDICT_FAIL || finding->severity >= at_least);
	}
	return n;
}

/* NO_COLOR: any value but an empty one (no-color.org). */
static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color);
}

static const char *color_of(const struct finding *finding)
{
	static const char *const colors[] = {"cyan", "cyan", "yellow", "lightred", "red"};

	switch (finding->verdict) {
	case VERDICT_PASS:
		return "green";
	case VERDICT_FAIL:
		return colors[finding->severity];
	case VERDICT_UNKNOWN:
		return "magenta";
	default:
		return NULL;
	}
}

static struct libscols_table *new_table(void)
{
	struct libscols_table *table = scols_new_table();

	if (!table || !scols_table_new_column(table, "CHECK", 0, 0) ||
		!scols_table_new_column(table, "SEVERITY", 0, 0) ||
		!scols_table_new_column(table, "PID", 0, SCOLS_FL_RIGHT) ||
		!scols_table_new_column(table, "TID", 0, SCOLS_FL_RIGHT))
		die_out_of_memory();
	struct libscols_column *finding =
		scols_table_new_column(table, "FINDING", 0, SCOLS_FL_WRAP);
	/* At spaces where there are any: util-linux 2.38 wraps in the midst of words. */
	if (!finding)
		die_out_of_memory();
	if (wants_color())
		scols_table_enable_colors(table, 1);
	return table;
}

static void set_cell(struct libscols_line *line, enum column column, const char *text)
{
	cleanup_free char *safe = log_escape(text);

	if (!line || scols_line_set_data(line, column, safe) != 0)
		die_out_of_memory();
}

static void set_number(struct libscols_line *line, enum column column, pid_t number)
{
	cleanup_free char *text = number ? xasprintf("%d", number) : xstrdup("-");

	set_cell(line, column, text);
}

static void add_line(struct libscols_table *table, const struct finding *finding, bool verbose)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	bool failed = finding->verdict == VERDICT_FAIL;
	cleanup_free char *threads =
		finding->threads > 1 ? xasprintf(" (%zu threads)", finding->threads) : xstrdup("");
	cleanup_free char *message = xasprintf("%s%s%s%s", finding->message, threads,
		failed && verbose ? ". " : "", failed && verbose ? finding->check->remedy : "");

	set_cell(line, COLUMN_CHECK, finding->check->id);
	set_cell(line, COLUMN_SEVERITY,
		failed ? severity_name(finding->severity) : verdict_name(finding->verdict));
	set_number(line, COLUMN_PID, finding->pid);
	set_number(line, COLUMN_TID, finding->tid);
	set_cell(line, COLUMN_FINDING, message);
	const char *color = color_of(finding);
	if (color)
		scols_cell_set_color(scols_line_get_cell(line, COLUMN_SEVERITY), color);
}

static size_t count_found(const struct audit *audit, bool is_qemu)
{
	size_t n = 0;

	for (size_t i = 0; i < audit->n_processes; i++) {
		enum found_by found_by = audit->processes[i]->found_by;
		n += is_qemu == (found_by != FOUND_BY_KVM && found_by != FOUND_BY_REQUEST);
	}
	return n;
}

static void sum_up(const struct audit *audit, const struct report_request *request)
{
	size_t n_qemu = count_found(audit, true), n_other = count_found(audit, false);
	size_t n_findings = count(audit, VERDICT_FAIL, request->threshold);
	size_t n_below = count(audit, VERDICT_FAIL, SEVERITY_INFO) - n_findings;
	size_t n_unknown = count(audit, VERDICT_UNKNOWN, SEVERITY_INFO);

	printf("%zu QEMU process%s and %zu other%s: ", n_qemu, n_qemu == 1 ? "" : "es", n_other,
		n_other == 1 ? "" : "s");
	printf("%zu finding%s of severity %s%s, %zu below, %zu unknown\n", n_findings,
		n_findings == 1 ? "" : "s", severity_name(request->threshold),
		request->threshold == SEVERITY_CRITICAL ? "" : " or above", n_below, n_unknown);
}

void audit_report_table(const struct audit *audit, const struct report_request *request)
{
	struct libscols_table *table = new_table();

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (request->verbose || finding->verdict == VERDICT_FAIL ||
			finding->verdict == VERDICT_UNKNOWN)
			add_line(table, finding, request->verbose);
	}
	if (!scols_table_is_empty(table))
		scols_print_table(table);
	scols_unref_table(table);
	for (size_t i = 0; request->verbose && i < audit->n_processes; i++) {
		const struct audit_process *process = audit->processes[i];
		cleanup_free char *exe = log_escape(process->exe ? process->exe : "?");
		printf("process %d, %zu threads, found by %s: %s\n", process->pid,
			process->n_threads, found_by_name(process->found_by), exe);
	}
	sum_up(audit, request);
}

int audit_report_nagios(const struct audit *audit, const struct report_request *request)
{
	static const char *const states[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	int status = audit_status(audit, request->threshold, request->strict);
	const struct finding *worst = NULL;
	size_t n = count(audit, VERDICT_FAIL, request->threshold);

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (audit_counts(finding, request->threshold) &&
			(!worst || finding->severity > worst->severity))
			worst = finding;
	}
	/* What was found is worse than what could not be seen. */
	int state = worst ? (worst->severity >= SEVERITY_HIGH ? 2 : 1) : status == 2 ? 3 : 0;
	/* The first "|" begins the figures. */
	cleanup_free char *message = log_escape(worst ? worst->message : "");
	for (char *p = message; *p; p++)
		*p = *p == '|' ? '/' : *p;
	printf("VIRT-PRIV-AUDIT %s - %zu finding%s", states[state], n, n == 1 ? "" : "s");
	if (worst && worst->pid)
		printf(", worst: %s process %d %s", worst->check->id, worst->pid, message);
	else if (worst)
		printf(", worst: %s %s", worst->check->id, message);
	else if (status == 2)
		printf(", but the audit is incomplete");
	printf(" | findings=%zu processes=%zu unknown=%zu\n", n, audit->n_processes,
		count(audit, VERDICT_UNKNOWN, SEVERITY_INFO));
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
