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

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM "virt-priv-audit"

enum { NOT_SEEN = 2, NAGIOS_UNKNOWN = 3 };

static const char usage[] =
	"Usage: virt-priv-audit [OPTION]... [host|processes|all]\n"
	"Judge what every running QEMU process, and every other user of KVM, can do.\n"
	"\n"
	"      --json             print JSON\n"
	"      --prometheus FILE  write metrics to FILE instead of printing\n"
	"      --nagios           print one line, and exit, as a Nagios plugin\n"
	"      --journal          write each finding to the system's log too\n"
	"      --threshold SEV    exit 1 from this severity on: info, low, medium (the\n"
	"                         default), high or critical\n"
	"      --strict           exit 2 if any check could not be made\n"
	"      --check IDS        make these checks only (a comma-separated list)\n"
	"      --exclude IDS      leave these out\n"
	"      --explain ID       print what the check is about; all: the list of checks\n"
	"      --pid PID          judge this process (repeatable), and no others\n"
	"      --no-bpf           read /proc, and load no program into the kernel\n"
	"      --no-kvm-scan      look for QEMU only, not for other users of KVM\n"
	"      --root DIR         audit the tree of files in DIR instead of this host\n"
	"  -c, --config FILE      read FILE instead of /etc/libvirt/qemu.conf\n"
	"  -v, --verbose          show what passed too, and what helps\n"
	"      --help             print this help\n"
	"      --version          print the version\n"
	"\n"
	"Exit status: 0 nothing at or above the threshold, 1 findings, 2 the audit could\n"
	"not see everything, or could not run. With --nagios: 0 OK, 1 WARNING, 2 CRITICAL,\n"
	"3 UNKNOWN.\n";

struct options {
	struct audit_request request;
	struct report_request report;
	pid_t *pids;
	bool *skip;
	bool json, nagios, journal;
	const char *prometheus;
};

static pid_t parse_pid(const char *text)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || errno || *end || pid <= 0 || pid > INT_MAX)
		die("--pid %s: not a process id", text);
	return (pid_t)pid;
}

static void add_pid(struct options *options, const char *text)
{
	struct audit_request *request = &options->request;
	pid_t pid = parse_pid(text);

	for (size_t i = 0; i < request->n_pids; i++)
		if (options->pids[i] == pid)
			return;
	options->pids = xreallocarray(options->pids, request->n_pids + 1, sizeof *options->pids);
	options->pids[request->n_pids++] = pid;
	request->pids = options->pids;
}

static enum severity parse_severity(const char *text)
{
	for (enum severity s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++)
		if (strcmp(text, severity_name(s)) == 0)
			return s;
	die("--threshold %s: info, low, medium, high or critical was expected", text);
}

static const struct audit_check *parse_check(const char *option, const char *id)
{
	const struct audit_check *check = audit_check_find(id);

	if (!check)
		die("%s %s: there is no such check; --explain all lists them", option, id);
	return check;
}

/* Sets skip for each check of the comma-separated list. */
static void set_checks(const char *option, const char *list, bool *skip, bool value)
{
	cleanup_free char *copy = xstrdup(list);
	char *rest = copy;

	for (char *id = strsep(&rest, ","); id; id = strsep(&rest, ","))
		skip[parse_check(option, id) - audit_checks] = value;
}

/* A second --check adds to the first one. */
static void only_checks(const char *list, bool *skip, bool *has_list)
{
	for (size_t i = 0; !*has_list && i < n_audit_checks; i++)
		skip[i] = true;
	*has_list = true;
	set_checks("--check", list, skip, false);
}

static _Noreturn void explain(const char *id)
{
	if (strcmp(id, "all") == 0)
		audit_explain_all();
	else
		audit_explain(parse_check("--explain", id));
	exit(fflush(stdout) == 0 ? EXIT_SUCCESS : NOT_SEEN);
}

static void parse_target(struct options *options, int argc, char *argv[])
{
	/* Processes that are named are what is asked for, unless the host is too. */
	const char *target = options->request.n_pids ? "processes" : "all";

	if (argc > 1)
		die("one of host, processes and all was expected, not also \"%s\"", argv[1]);
	if (argc == 1)
		target = argv[0];
	options->request.host = strcmp(target, "processes") != 0;
	options->request.processes = strcmp(target, "host") != 0;
	if (strcmp(target, "host") != 0 && strcmp(target, "processes") != 0 &&
		strcmp(target, "all") != 0)
		die("host, processes or all was expected, not \"%s\"", target);
	if (!options->request.processes && options->request.n_pids)
		die("--pid goes with processes or all, not with host");
	if (options->json + options->nagios + (options->prometheus != NULL) > 1)
		die("one of --json, --prometheus and --nagios can be given");
}

static void parse_options(struct options *options, int argc, char *argv[])
{
	enum {
		JSON = 256,
		PROMETHEUS,
		NAGIOS,
		JOURNAL,
		THRESHOLD,
		STRICT,
		CHECK,
		EXCLUDE,
		EXPLAIN,
		PID,
		NO_BPF,
		NO_KVM_SCAN,
		ROOT,
		HELP,
		VERSION_
	};
	static const struct option long_options[] = {
		{"json", no_argument, NULL, JSON},
		{"prometheus", required_argument, NULL, PROMETHEUS},
		{"nagios", no_argument, NULL, NAGIOS},
		{"journal", no_argument, NULL, JOURNAL},
		{"threshold", required_argument, NULL, THRESHOLD},
		{"strict", no_argument, NULL, STRICT},
		{"check", required_argument, NULL, CHECK},
		{"exclude", required_argument, NULL, EXCLUDE},
		{"explain", required_argument, NULL, EXPLAIN},
		{"pid", required_argument, NULL, PID},
		{"no-bpf", no_argument, NULL, NO_BPF},
		{"no-kvm-scan", no_argument, NULL, NO_KVM_SCAN},
		{"root", required_argument, NULL, ROOT},
		{"config", required_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	cleanup_free bool *excluded = xcalloc(n_audit_checks, sizeof *excluded);
	bool has_list = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:v", long_options, NULL)) != -1) {
		switch (option) {
		case JSON:
			options->json = true;
			break;
		case PROMETHEUS:
			options->prometheus = optarg;
			break;
		case NAGIOS:
			options->nagios = true;
			log_init(PROGRAM, NAGIOS_UNKNOWN);
			break;
		case JOURNAL:
			options->journal = true;
			break;
		case THRESHOLD:
			options->report.threshold = parse_severity(optarg);
			break;
		case STRICT:
			options->report.strict = true;
			break;
		case CHECK:
			only_checks(optarg, options->skip, &has_list);
			break;
		case EXCLUDE:
			set_checks("--exclude", optarg, excluded, true);
			break;
		case EXPLAIN:
			explain(optarg);
		case PID:
			add_pid(options, optarg);
			break;
		case NO_BPF:
			options->request.no_bpf = true;
			break;
		case NO_KVM_SCAN:
			options->request.no_kvm_scan = true;
			break;
		case ROOT:
			options->request.root = optarg;
			break;
		case 'c':
			options->request.config = optarg;
			break;
		case 'v':
			options->report.verbose = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : NOT_SEEN);
		case VERSION_:
			puts(PROGRAM " " VERSION);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : NOT_SEEN);
		default:
			die("try: " PROGRAM " --help");
		}
	}
	for (size_t i = 0; i < n_audit_checks; i++)
		options->skip[i] = options->skip[i] || excluded[i];
	parse_target(options, argc - optind, argv + optind);
}

static void write_metrics(const struct audit *audit, const struct options *options)
{
	cleanup_free char *error = NULL;

	if (!audit_report_prometheus(audit, &options->report, options->prometheus, &error))
		die("%s", error);
}

int main(int argc, char *argv[])
{
	struct options options = {.report.threshold = SEVERITY_MEDIUM};
	cleanup_free char *error = NULL;
	struct audit audit;

	log_init(PROGRAM, NOT_SEEN);
	options.skip = xcalloc(n_audit_checks, sizeof *options.skip);
	options.request.skip = options.skip;
	parse_options(&options, argc, argv);
	log_set_verbose(options.report.verbose);

	if (!audit_run(&audit, &options.request, &error))
		die("%s", error);
	int status = audit_status(&audit, options.report.threshold, options.report.strict);

	if (options.journal)
		audit_report_journal(&audit);
	if (options.json)
		audit_report_json(&audit, &options.report);
	else if (options.prometheus)
		write_metrics(&audit, &options);
	else if (options.nagios)
		status = audit_report_nagios(&audit, &options.report);
	else
		audit_report_table(&audit, &options.report);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("cannot write to standard output");
	audit_free(&audit);
	free(options.skip);
	free(options.pids);
	return status;
}
