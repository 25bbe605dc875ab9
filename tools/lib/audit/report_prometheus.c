/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings as metrics. */
#include "audit/report.h"

#include "audit/checks.h"
#include "audit/run.h"
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
		     (severity < 0 || (int)finding->severity == severity);
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

static void write_metrics(
	FILE *out, const struct audit *audit, const struct report_request *request)
{
	size_t processes[FOUND_BY_REQUEST + 1] = {0}, threads = 0;

	write_findings(out, audit);
	for (size_t i = 0; i < audit->n_processes; i++) {
		processes[audit->processes[i]->found_by]++;
		threads += audit->processes[i]->n_threads;
	}
	describe(out, "processes", "Processes that were judged, by how they were found.");
	for (int i = FOUND_BY_NAME; i <= FOUND_BY_REQUEST; i++)
		fprintf(out, "virt_priv_audit_processes{found_by=\"%s\"} %zu\n",
			found_by_name((enum found_by)i), processes[i]);
	describe(out, "threads", "Threads that were judged.");
	fprintf(out, "virt_priv_audit_threads %zu\n", threads);
	describe(out, "exit_status",
		"0: nothing at or above the threshold, 1: findings, 2: could not see everything.");
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
		error_set(error, "--prometheus %s: not the name of a file", file);
		return -1;
	}
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_set_errno(
			error, "can't open the directory %s to write metrics there", directory);
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
		return error_set_errno(error, "can't get random bytes for a name beside %s", file);
	cleanup_free char *temporary = xasprintf(".%.200s.%016llx", name, chance);
	int fd = openat(
		directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (fd < 0)
		return error_set_errno(
			error, "can't make a file beside %s to write metrics there", file);
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
	return error_set_errno(error, "can't write the metrics to %s", file);
}
