/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of an audit, told: to a person, to a program, to a monitoring system. */
#pragma once

#include "audit/audit.h"

struct report_request {
	enum severity threshold;
	bool strict;
	bool verbose; /* what passed and what does not apply too, and remedies */
};

/*
 * A line for each VM and each finding of the host, or for all findings, on standard output, and a
 * line that sums it up. Whether all of what is printed could
 * be written is for the caller to see, here and below: ferror(3).
 */
void audit_report_table(const struct audit *audit, const struct report_request *request);

/* One line of counts. */
void audit_report_summary(const struct audit *audit);

/* The JSON document of tests/schema/virt-priv-audit.json. */
void audit_report_json(const struct audit *audit, const struct report_request *request);

/*
 * Metrics in Prometheus' text format, for the textfile collector of its node exporter, as
 * a whole new file in the place of the old one: written beside it and renamed. False and a
 * new *error: there is the old one.
 */
bool audit_report_prometheus(const struct audit *audit, const struct report_request *request,
	const char *file, char **error);

/*
 * One line of a Nagios plugin. Returns the exit status that goes with it: 0 OK, 1 WARNING,
 * 2 CRITICAL, 3 UNKNOWN.
 */
int audit_report_nagios(const struct audit *audit, const struct report_request *request);

/* One record in the system's log for each finding, and for what could not be seen. */
void audit_report_journal(const struct audit *audit);

/*
 * How many findings have this verdict and, with VERDICT_FAIL, at least this severity. What could
 * not be seen of an ordinary user's process does not count.
 */
size_t audit_count(const struct audit *audit, enum verdict verdict, enum severity at_least);

/* What a check is about; and the list of checks. */
void audit_explain(const struct audit_check *check);
void audit_explain_all(void);
