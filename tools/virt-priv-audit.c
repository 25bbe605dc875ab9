/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-audit: what every running QEMU can really do. Not the user id alone is the
 * privilege: each thread's ids, groups and capability sets are judged, what the process
 * has open, and what else gives power.
 *
 * Which processes are judged is in audit/find.h, the catalogue in audit/checks.c, and the
 * order of an audit in audit/run.c.
 */
#include "audit/audit.h"
#include "audit/checks.h"
#include "audit/report.h"
#include "audit/run.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "virt-priv-audit"

enum { NOT_SEEN = 2, NAGIOS_UNKNOWN = 3 };

struct options {
	struct audit_request request;
	struct report_request report;
	pid_t *pids;
	bool *skip, *excluded; /* a flag for each check */
	bool has_list;	       /* --check was there: others are skipped */
	bool json, nagios, summary, journal;
	const char *prometheus;
};

static bool add_pid(const struct option_row *row, void *field, const char *text, char **error)
{
	struct options *o = field;
	pid_t pid;

	if (!option_store_pid(row, &pid, text, error))
		return false;
	for (size_t i = 0; i < o->request.n_pids; i++)
		if (o->pids[i] == pid)
			return true;
	o->pids = xreallocarray(o->pids, o->request.n_pids + 1, sizeof *o->pids);
	o->pids[o->request.n_pids++] = pid;
	return true;
}

static const struct audit_check *find_check(
	const struct option_row *row, const char *id, char **error)
{
	const struct audit_check *check = audit_check_find(id);

	if (!check)
		*error =
			xasprintf("--%s %s: unknown check; list all: virt-priv-audit --explain all",
				row->name, id);
	return check;
}

/* Sets the flag of each check of the comma-separated list. */
static bool set_checks(
	const struct option_row *row, const char *list, bool *flags, bool value, char **error)
{
	cleanup_free char *copy = xstrdup(list);
	char *rest = copy;

	for (char *id = strsep(&rest, ","); id; id = strsep(&rest, ",")) {
		const struct audit_check *check = find_check(row, id, error);
		if (!check)
			return false;
		flags[check - audit_checks] = value;
	}
	return true;
}

/* A second --check adds to the first one. */
static bool only_checks(const struct option_row *row, void *field, const char *list, char **error)
{
	struct options *o = field;

	for (size_t i = 0; !o->has_list && i < n_audit_checks; i++)
		o->skip[i] = true;
	o->has_list = true;
	return set_checks(row, list, o->skip, false, error);
}

static bool exclude_checks(
	const struct option_row *row, void *field, const char *list, char **error)
{
	return set_checks(row, list, ((struct options *)field)->excluded, true, error);
}

/* Nothing more is done. */
static bool explain(const struct option_row *row, void *field, const char *id, char **error)
{
	const struct audit_check *check;

	(void)field;
	if (strcmp(id, "all") == 0)
		audit_explain_all();
	else if ((check = find_check(row, id, error)))
		audit_explain(check);
	return false;
}

#define CHECKS "$(\"${words[0]}\" --explain all 2>/dev/null | cut -c 1-3)"

static const struct option_row rows[] = {
	{"json", 0, NULL, OPTION_NONE, "print JSON", OPTION_FLAG(struct options, json)},
	{"prometheus", 0, "FILE", OPTION_FILE, "write metrics to FILE instead of printing",
		OPTION_TEXT(struct options, prometheus)},
	{"nagios", 0, NULL, OPTION_NONE, "print one line, and exit, as a Nagios plugin",
		OPTION_FLAG(struct options, nagios)},
	{"summary", 0, NULL, OPTION_NONE, "print one line of counts",
		OPTION_FLAG(struct options, summary)},
	{"journal", 0, NULL, OPTION_NONE, "also write each finding to the system log",
		OPTION_FLAG(struct options, journal)},
	{"threshold", 0, "SEV", OPTION_WORD,
		"exit 1 on a finding of this severity or above: info, low, medium (the default), "
		"high or critical",
		OPTION_CHOICE(struct options, report.threshold),
		.words = "info low medium high critical"},
	{"strict", 0, NULL, OPTION_NONE, "exit 2 if any check could not be made",
		OPTION_FLAG(struct options, report.strict)},
	{"check", 0, "IDS", OPTION_WORD, "make only these checks (a comma-separated list of ids)",
		OPTION_CALL(only_checks), .words = CHECKS, .is_list = true},
	{"exclude", 0, "IDS", OPTION_WORD, "skip these checks", OPTION_CALL(exclude_checks),
		.words = CHECKS, .is_list = true},
	{"explain", 0, "ID", OPTION_WORD,
		"print the explanation and the remedy of a check; all: list the checks",
		OPTION_CALL(explain), .words = CHECKS " all"},
	{"pid", 0, "PID", OPTION_PROCESS, "check only this process (repeatable)",
		OPTION_CALL(add_pid)},
	{"no-bpf", 0, NULL, OPTION_NONE, "read /proc, and do not load BPF programs",
		OPTION_FLAG(struct options, request.no_bpf)},
	{"no-kvm-scan", 0, NULL, OPTION_NONE, "check only QEMU, not other users of KVM",
		OPTION_FLAG(struct options, request.no_kvm_scan)},
	{"root", 0, "DIR", OPTION_DIRECTORY, "audit the directory tree DIR instead of this host",
		OPTION_TEXT(struct options, request.root)},
	{"config", 'c', "FILE", OPTION_FILE, "read FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, request.config)},
	{"verbose", 'v', NULL, OPTION_NONE, "show all findings, checks that passed, and remedies",
		OPTION_FLAG(struct options, report.verbose)},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.synopsis = "[OPTION]... [host|processes|all]",
	.summary = "Report the privileges of every running QEMU process, and of every other user "
		   "of KVM.",
	.rows = rows,
	.operands = {0, 1, OPTION_WORD, "host processes all"},
	.status = "Exit status: 0 no finding at or above the threshold, 1 findings, 2 the audit is "
		  "incomplete, or could not run. With --nagios: 0 OK, 1 WARNING, 2 CRITICAL, 3 "
		  "UNKNOWN.",
};

/* Processes that are named are what is asked for, unless the host is too. */
static void take_target(struct options *o, const char *target)
{
	if (!target)
		target = o->request.n_pids ? "processes" : "all";
	o->request.host = strcmp(target, "processes") != 0;
	o->request.processes = strcmp(target, "host") != 0;
	if (strcmp(target, "host") != 0 && strcmp(target, "processes") != 0 &&
		strcmp(target, "all") != 0)
		die("expected host, processes or all, not '%s'", target);
	if (!o->request.processes && o->request.n_pids)
		die("--pid cannot be used with host");
	if (o->json + o->nagios + o->summary + (o->prometheus != NULL) > 1)
		die("--json, --prometheus, --nagios and --summary are mutually exclusive");
}

static void parse_options(struct options *o, int argc, char *argv[])
{
	struct option_words words;
	cleanup_free char *error = NULL;

	o->skip = xcalloc(n_audit_checks, sizeof *o->skip);
	o->excluded = xcalloc(n_audit_checks, sizeof *o->excluded);
	bool goes_on = options_parse(&tool_options, argc, argv, o, &words, &error);
	if (o->nagios)
		log_init(PROGRAM, NAGIOS_UNKNOWN);
	if (error)
		die("%s", error);
	if (!goes_on)
		exit(fflush(stdout) == 0 ? EXIT_SUCCESS : NOT_SEEN);
	take_target(o, words.operands[0]);
	for (size_t i = 0; i < n_audit_checks; i++)
		o->skip[i] = o->skip[i] || o->excluded[i];
	o->request.skip = o->skip;
	o->request.pids = o->pids;
}

static void write_metrics(const struct audit *audit, const struct options *o)
{
	cleanup_free char *error = NULL;

	if (!audit_report_prometheus(audit, &o->report, o->prometheus, &error))
		die("%s", error);
}

/* Tells what was found. Returns the exit status. */
static int report(const struct audit *audit, const struct options *o)
{
	int status = audit_status(audit, o->report.threshold, o->report.strict);

	if (o->journal)
		audit_report_journal(audit);
	if (o->json)
		audit_report_json(audit, &o->report);
	else if (o->prometheus)
		write_metrics(audit, o);
	else if (o->summary)
		audit_report_summary(audit);
	else if (o->nagios)
		status = audit_report_nagios(audit, &o->report);
	else
		audit_report_table(audit, &o->report);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("cannot write to standard output");
	return status;
}

int main(int argc, char *argv[])
{
	struct options o = {.report.threshold = SEVERITY_MEDIUM};
	struct audit audit;
	cleanup_free char *error = NULL;

	log_init(PROGRAM, NOT_SEEN);
	parse_options(&o, argc, argv);
	log_set_verbose(o.report.verbose);

	if (!audit_run(&audit, &o.request, &error))
		die("%s", error);
	int status = report(&audit, &o);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("cannot write to standard output");
	audit_free(&audit);
	free(o.skip);
	free(o.excluded);
	free(o.pids);
	return status;
}
