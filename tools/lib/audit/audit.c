/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/audit.h"

#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"info", "low", "medium", "high", "critical"};

	return names[severity];
}

const char *verdict_name(enum verdict verdict)
{
	static const char *const names[] = {"pass", "fail", "unknown", "not-applicable"};

	return names[verdict];
}

const char *found_by_name(enum found_by found_by)
{
	static const char *const names[] = {"name", "file", "copy", "kvm", "request"};

	return names[found_by];
}

bool audit_is_qemu(const struct audit_process *process)
{
	return process->found_by != FOUND_BY_KVM && process->found_by != FOUND_BY_REQUEST;
}

const struct audit_thread *audit_class(const struct audit_process *process, size_t class)
{
	return &process->threads[process->classes[class].first];
}

static struct finding *add(struct audit *audit, enum verdict verdict, size_t class)
{
	const struct audit_process *process = audit->process;

	if ((audit->n_findings & (audit->n_findings - 1)) == 0)
		audit->findings = xreallocarray(audit->findings,
			audit->n_findings ? 2 * audit->n_findings : 1, sizeof *audit->findings);
	struct finding *finding = &audit->findings[audit->n_findings++];
	*finding = (struct finding){.check = audit->check,
		.verdict = verdict,
		.severity = audit->check->severity,
		.pid = process ? process->pid : 0,
		.is_idle = process && process->is_ordinary};
	if (verdict == VERDICT_FAIL && finding->is_idle)
		finding->severity = SEVERITY_INFO;
	if (process && class != NO_CLASS) {
		finding->tid = audit_class(process, class)->tid;
		finding->threads = process->classes[class].count;
	}
	audit->has_spoken = true;
	return finding;
}

#define SET_MESSAGE(finding)                                                                       \
	do {                                                                                       \
		va_list ap_;                                                                       \
		va_start(ap_, format);                                                             \
		(finding)->message = xvasprintf(format, ap_);                                      \
		va_end(ap_);                                                                       \
	} while (0)

void audit_fail(struct audit *audit, size_t class, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_FAIL, class);

	SET_MESSAGE(finding);
}

void audit_fail_as(
	struct audit *audit, enum severity severity, size_t class, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_FAIL, class);

	if (!finding->is_idle)
		finding->severity = severity;
	SET_MESSAGE(finding);
}

void audit_fail_beyond(struct audit *audit, size_t class, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_FAIL, class);

	finding->severity = audit->check->severity;
	finding->is_idle = false;
	SET_MESSAGE(finding);
}

void audit_unknown(struct audit *audit, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_UNKNOWN, NO_CLASS);

	SET_MESSAGE(finding);
}

void audit_blind(struct audit *audit, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_UNKNOWN, NO_CLASS);

	finding->is_blind = !finding->is_idle;
	SET_MESSAGE(finding);
}

void audit_not_applicable(struct audit *audit, const char *format, ...)
{
	struct finding *finding = add(audit, VERDICT_NOT_APPLICABLE, NO_CLASS);

	SET_MESSAGE(finding);
}

void audit_pass(struct audit *audit)
{
	add(audit, VERDICT_PASS, NO_CLASS)->message = xstrdup(audit->check->title);
}

void audit_unreadable(struct audit *audit, int number, const char *what)
{
	if (number == EACCES || number == EPERM)
		audit_blind(audit, "%s: %s; run virt-priv-audit as root with all capabilities",
			what, strerror(number));
	else if (number == ATTEMPT_SILENT)
		audit_blind(audit, "%s: %s", what, attempt_why(number));
	else
		audit_unknown(audit, "%s: %s", what, strerror(number));
}
