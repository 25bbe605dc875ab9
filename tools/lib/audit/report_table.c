/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The findings for people: a line for each VM, with its worst finding and what helps; what is found
 * of the host; and, if all is asked for, every finding.
 */
#include "audit/report.h"

#include "audit/run.h"
#include "audit/verdict.h"
#include "audit/vm_names.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a name, so much is shown; JSON has all of it. */
#define MAX_NAME 64

enum column { COLUMN_CHECK, COLUMN_SEVERITY, COLUMN_PID, COLUMN_TID, COLUMN_FINDING };
enum vm_column { VM_NAME, VM_PID, VM_USER, VM_UNIT, VM_VERDICT, VM_WORST, VM_HELPS };

/* NO_COLOR: any value but an empty one (no-color.org). A dumb terminal knows no escapes. */
static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
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

static struct libscols_table *new_detail_table(void)
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

static void set_cell(struct libscols_line *line, size_t column, const char *text)
{
	cleanup_free char *safe = log_escape(text);

	if (!line || scols_line_set_data(line, column, safe) != 0)
		die_out_of_memory();
}

static void set_number(struct libscols_line *line, size_t column, pid_t number)
{
	cleanup_free char *text = number ? xasprintf("%d", number) : xstrdup("-");

	set_cell(line, column, text);
}

static void color_cell(struct libscols_line *line, size_t column, const struct finding *finding)
{
	const char *color = finding ? color_of(finding) : "green";

	if (color)
		scols_cell_set_color(scols_line_get_cell(line, column), color);
}

static void add_line(const struct audit *audit, struct libscols_table *table,
	const struct finding *finding, bool verbose)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	bool failed = finding->verdict == VERDICT_FAIL;
	cleanup_free char *threads =
		finding->threads > 1 ? xasprintf(" (%zu threads)", finding->threads) : xstrdup("");
	cleanup_free char *remedy = failed && verbose ? audit_remedy(audit, finding) : xstrdup("");
	cleanup_free char *message =
		xasprintf("%s%s%s%s", finding->message, threads, *remedy ? ". " : "", remedy);

	set_cell(line, COLUMN_CHECK, finding->check->id);
	set_cell(line, COLUMN_SEVERITY,
		failed ? severity_name(finding->severity) : verdict_name(finding->verdict));
	set_number(line, COLUMN_PID, finding->pid);
	set_number(line, COLUMN_TID, finding->tid);
	set_cell(line, COLUMN_FINDING, message);
	color_cell(line, COLUMN_SEVERITY, finding);
}

static struct libscols_table *new_vm_table(void)
{
	static const struct {
		const char *name;
		int flags;
	} columns[] = {
		[VM_NAME] = {"VM", SCOLS_FL_TRUNC},
		[VM_PID] = {"PID", SCOLS_FL_RIGHT},
		[VM_USER] = {"USER", 0},
		[VM_UNIT] = {"UNIT", SCOLS_FL_TRUNC},
		[VM_VERDICT] = {"VERDICT", 0},
		[VM_WORST] = {"WORST FINDING", SCOLS_FL_WRAP},
		[VM_HELPS] = {"WHAT HELPS", SCOLS_FL_WRAP},
	};
	struct libscols_table *table = scols_new_table();

	for (size_t i = 0; i < N_ELEMENTS(columns); i++)
		if (!table || !scols_table_new_column(table, columns[i].name, 0, columns[i].flags))
			die_out_of_memory();
	if (wants_color())
		scols_table_enable_colors(table, 1);
	return table;
}

/* A name that somebody else has chosen, escaped and cut to what can be shown; NULL: "-". */
static void set_name(struct libscols_line *line, size_t column, const char *name)
{
	cleanup_free char *safe = log_escape(name ? name : "-");
	size_t length = strlen(safe), cut = MAX_NAME;

	/* Not within a character. */
	while (length > MAX_NAME && cut && (safe[cut] & 0xc0) == 0x80)
		cut--;
	cleanup_free char *text =
		length > MAX_NAME ? xasprintf("%.*s...", (int)cut, safe) : xstrdup(safe);
	if (!line || scols_line_set_data(line, column, text) != 0)
		die_out_of_memory();
}

static void set_user(
	const struct audit *audit, struct libscols_line *line, const struct audit_process *process)
{
	cleanup_free char *user =
		process->n_classes ? tree_user_name(&audit->tree,
					     audit_class(process, 0)->status.uid[PROC_EFFECTIVE])
				   : xstrdup("?");

	set_cell(line, VM_USER, user);
}

/* The first sentence: the others are of the details. */
static char *short_remedy(const struct audit *audit, const struct finding *finding)
{
	char *remedy = audit_remedy(audit, finding);
	char *end = strstr(remedy, ". ");

	if (end)
		*end = '\0';
	size_t length = strlen(remedy);
	if (length && remedy[length - 1] == '.')
		remedy[length - 1] = '\0';
	return remedy;
}

static void add_vm(const struct audit *audit, struct libscols_table *table,
	const struct audit_process *process, const struct process_verdict *verdict)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const struct finding *worst = verdict->worst;
	cleanup_free char *name = audit_display_name(process);
	size_t n = verdict->n_findings;
	/* The others are behind it. */
	n -= n && worst && worst->verdict == VERDICT_FAIL;
	cleanup_free char *more = n ? xasprintf(" (and %zu more)", n) : xstrdup("");
	cleanup_free char *what =
		worst ? xasprintf("%s %s%s", worst->check->id, worst->message, more) : xstrdup("-");
	cleanup_free char *helps = worst ? short_remedy(audit, worst) : xstrdup("-");

	set_name(line, VM_NAME, name);
	set_number(line, VM_PID, process->pid);
	set_user(audit, line, process);
	set_name(line, VM_UNIT, process->unit);
	set_cell(line, VM_VERDICT, audit_grade_name(verdict->grade));
	set_cell(line, VM_WORST, what);
	set_cell(line, VM_HELPS, helps);
	color_cell(line, VM_VERDICT, worst);
}

static void print_table(struct libscols_table *table)
{
	if (!scols_table_is_empty(table))
		scols_print_table(table);
	scols_unref_table(table);
}

static void print_vms(const struct audit *audit)
{
	struct libscols_table *table = new_vm_table();
	cleanup_free struct process_verdict *verdicts = audit_verdicts(audit);

	for (size_t i = 0; i < audit->n_processes; i++)
		add_vm(audit, table, audit->processes[i], &verdicts[i]);
	print_table(table);
}

/* Without -v, what the lines of the VMs do not say: what checks of the host have found. */
static bool is_shown(const struct finding *finding, bool verbose)
{
	bool is_open = finding->verdict == VERDICT_FAIL || finding->verdict == VERDICT_UNKNOWN;

	return verbose || (finding->check->host && is_open);
}

static void print_details(const struct audit *audit, bool verbose)
{
	struct libscols_table *table = new_detail_table();

	for (size_t i = 0; i < audit->n_findings; i++)
		if (is_shown(&audit->findings[i], verbose))
			add_line(audit, table, &audit->findings[i], verbose);
	bool is_second = !scols_table_is_empty(table) && audit->n_processes;
	if (is_second)
		putchar('\n');
	print_table(table);
	if (is_second)
		putchar('\n');
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
	size_t n_findings = audit_count(audit, VERDICT_FAIL, request->threshold);
	size_t n_below = audit_count(audit, VERDICT_FAIL, SEVERITY_INFO) - n_findings;
	size_t n_unknown = audit_count(audit, VERDICT_UNKNOWN, SEVERITY_INFO);

	printf("%zu QEMU process%s and %zu other%s: ", n_qemu, n_qemu == 1 ? "" : "es", n_other,
		n_other == 1 ? "" : "s");
	printf("%zu finding%s of severity %s%s, %zu below, %zu unknown\n", n_findings,
		n_findings == 1 ? "" : "s", severity_name(request->threshold),
		request->threshold == SEVERITY_CRITICAL ? "" : " or above", n_below, n_unknown);
}

static void print_process(const struct audit_process *process)
{
	cleanup_free char *exe = log_escape(process->exe ? process->exe : "?");
	cleanup_free char *unit = log_escape(process->unit ? process->unit : "no unit");
	cleanup_free char *name = log_escape(process->vm_name ? process->vm_name : "");

	printf("process %d, %zu threads, found by %s: %s", process->pid, process->n_threads,
		found_by_name(process->found_by), exe);
	printf(", in %s%s%s%s%s\n", unit, *name ? ", VM " : "", name, *name ? ", named by " : "",
		*name ? audit_named_by(process) : "");
}

void audit_report_table(const struct audit *audit, const struct report_request *request)
{
	print_vms(audit);
	print_details(audit, request->verbose);
	for (size_t i = 0; request->verbose && i < audit->n_processes; i++)
		print_process(audit->processes[i]);
	sum_up(audit, request);
}
