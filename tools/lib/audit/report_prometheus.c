/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings as metrics. */
#include "audit/report.h"

#include "audit/checks.h"
#include "audit/journals.h"
#include "audit/run.h"
#include "audit/verdict.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static void describe(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP virt_priv_audit_%s %s\n# TYPE virt_priv_audit_%s gauge\n", name, help,
		name);
}

static size_t count_of(const struct audit *audit, const struct audit_check *check,
	enum verdict verdict, int severity)
{
	size_t n = 0;

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		n += finding->check == check && finding->verdict == verdict &&
		     (severity < 0 ? !finding->is_idle : (int)finding->severity == severity);
	}
	return n;
}

/* A check's usual severity is always there, so that a series does not end when all is well. */
static void write_findings(FILE *out, const struct audit *audit)
{
	describe(out, "findings", "Findings by check and severity.");
	for (size_t i = 0; i < n_audit_checks; i++) {
		const struct audit_check *check = &audit_checks[i];
		for (int s = SEVERITY_INFO; s <= SEVERITY_CRITICAL; s++) {
			size_t n = count_of(audit, check, VERDICT_FAIL, s);
			if (n || s == (int)check->severity)
				fprintf(out,
					"virt_priv_audit_findings{check=\"%s\",severity=\"%s\"} "
					"%zu\n",
					check->id, severity_name((enum severity)s), n);
		}
	}
	describe(out, "unknown", "Checks that could not be made.");
	for (size_t i = 0; i < n_audit_checks; i++)
		fprintf(out, "virt_priv_audit_unknown{check=\"%s\"} %zu\n", audit_checks[i].id,
			count_of(audit, &audit_checks[i], VERDICT_UNKNOWN, -1));
}

/* In quotes: any text, as the format has it. */
static void write_label(FILE *out, const char *name, const char *text)
{
	cleanup_free char *safe = log_escape(text ? text : "");

	fprintf(out, "%s=\"", name);
	for (const char *p = safe; *p; p++) {
		if (*p == '\\' || *p == '"')
			fputc('\\', out);
		fputc(*p, out);
	}
	fputc('"', out);
}

static void write_vm(
	FILE *out, const struct audit *audit, const struct audit_process *process, enum grade grade)
{
	fprintf(out, "virt_priv_audit_vm_verdict{pid=\"%d\",", process->pid);
	write_label(out, "vm", process->vm_name);
	fputc(',', out);
	write_label(out, "unit", process->unit);
	if (process->n_classes) {
		uid_t uid = audit_class(process, 0)->status.uid[PROC_EFFECTIVE];
		cleanup_free char *user = tree_account_name(&audit->tree, uid);
		fprintf(out, ",uid=\"%u\",", uid);
		write_label(out, "user", user);
	} else {
		fprintf(out, ",uid=\"\",user=\"\"");
	}
	fprintf(out, "} %d\n", grade == GRADE_UNKNOWN ? -1 : (int)grade);
}

static void write_vms(FILE *out, const struct audit *audit)
{
	cleanup_free struct process_verdict *verdicts = audit_verdicts(audit);
	size_t n[N_GRADES];

	audit_count_vms(audit, verdicts, n);
	describe(out, "vms", "Running VMs, by their worst finding.");
	for (int i = GRADE_PASS; i < N_GRADES; i++)
		fprintf(out, "virt_priv_audit_vms{verdict=\"%s\"} %zu\n",
			audit_grade_name((enum grade)i), n[i]);
	describe(out, "vm_verdict",
		"Worst finding of each VM. 0: none, 1: info, 2: low, 3: medium, 4: high, "
		"5: critical, -1: unknown.");
	for (size_t i = 0; i < audit->n_processes; i++)
		if (verdicts[i].is_vm)
			write_vm(out, audit, audit->processes[i], verdicts[i].grade);
}

/* NaN: that could not be determined. */
static void write_claims(FILE *out, const struct audit_journals *journals)
{
	bool is_listed = !journals->number && !journals->is_unsafe;
	const struct {
		const char *state;
		size_t n;
	} rows[] = {{"held", journals->n_held}, {"abandoned", journals->n_abandoned},
		{"unknown", journals->n_unknown}};

	describe(out, "claims", "VMs whose files are claimed, by whether the claim is held.");
	for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
		fprintf(out, "virt_priv_audit_claims{state=\"%s\"} ", rows[i].state);
		if (is_listed)
			fprintf(out, "%zu\n", rows[i].n);
		else
			fputs("NaN\n", out);
	}
}

static void write_metrics(
	FILE *out, const struct audit *audit, const struct report_request *request)
{
	size_t processes[FOUND_BY_REQUEST + 1] = {0}, threads = 0;

	write_findings(out, audit);
	for (size_t i = 0; i < audit->n_processes; i++) {
		processes[audit->processes[i]->found_by]++;
		threads += audit->processes[i]->n_threads;
	}
	describe(out, "processes", "Audited processes, by how they were found.");
	for (int i = FOUND_BY_NAME; i <= FOUND_BY_REQUEST; i++)
		fprintf(out, "virt_priv_audit_processes{found_by=\"%s\"} %zu\n",
			found_by_name((enum found_by)i), processes[i]);
	describe(out, "threads", "Audited threads.");
	fprintf(out, "virt_priv_audit_threads %zu\n", threads);
	write_vms(out, audit);
	write_claims(out, audit->journals);
	describe(out, "exit_status",
		"0: nothing at or above the threshold, 1: findings, 2: incomplete.");
	fprintf(out, "virt_priv_audit_exit_status %d\n",
		audit_status(audit, request->threshold, request->strict));
	describe(out, "timestamp_seconds", "When the audit was made.");
	fprintf(out, "virt_priv_audit_timestamp_seconds %lld\n", (long long)time(NULL));
}

/* The directory of the file, opened, and in *name what is behind it. */
static int open_directory(const char *file, const char **name, char **error)
{
	const char *slash = strrchr(file, '/');
	cleanup_free char *directory =
		slash ? xstrndup(file, slash == file ? 1 : (size_t)(slash - file)) : xstrdup(".");

	*name = slash ? slash + 1 : file;
	if (!**name) {
		error_set(error, "--prometheus %s: not a file name", file);
		return -1;
	}
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(error, "cannot open the directory %s for the metrics", directory);
	return fd;
}

/*
 * The collector reads files that end in .prom: it sees the old one or the new one. A name
 * that nobody can guess, O_EXCL and O_NOFOLLOW: a directory that others can write to does
 * not lead root astray, and the rename replaces a link, not what it leads to.
 */
bool audit_report_prometheus(const struct audit *audit, const struct report_request *request,
	const char *file, char **error)
{
	const char *name;
	unsigned long long chance;
	cleanup_fd int directory = open_directory(file, &name, error);

	if (directory < 0)
		return false;
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		return error_set_errno(
			error, "cannot get random bytes for a temporary file beside %s", file);
	cleanup_free char *temporary = xasprintf(".%.200s.%016llx", name, chance);
	int fd = openat(
		directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd < 0)
		return error_set_errno(error, "cannot create a temporary file beside %s", file);
	if (out)
		write_metrics(out, audit, request);
	bool good = out && fflush(out) == 0 && !ferror(out) && fchmod(fd, 0644) == 0 &&
		    fsync(fd) == 0 && renameat(directory, temporary, directory, name) == 0;
	int number = errno;
	if (out)
		fclose(out);
	else
		close(fd);
	if (good)
		return true;
	unlinkat(directory, temporary, 0);
	errno = number;
	return error_set_errno(error, "cannot write the metrics to %s", file);
}
