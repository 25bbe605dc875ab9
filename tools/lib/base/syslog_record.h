/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One record in the system's log, through the socket of the journal or, where
 * there is none, of syslog. No library: libsystemd would double the time that
 * the shim needs to start.
 */
#pragma once

#include <stdbool.h>

struct syslog_record_field {
	const char *name; /* [A-Z_0-9]+, see systemd.journal-fields(7) */
	const char *value;
};

/*
 * Sends message with that priority (LOG_WARNING, ... of syslog(3)). message_id
 * is the record's kind, 32 hexadecimal digits; fields ends with a NULL name and
 * goes to the journal only, as does the unit of this process, if it is one's. Waits for
 * wait_s seconds at most while the log's queue is full; 0: never. False: it is
 * lost. A host without a log is no reason not to start a VM, and what is not logged
 * is not less safe.
 */
bool syslog_record_send(int priority, const char *identifier, const char *message_id,
	const char *message, const struct syslog_record_field *fields, unsigned wait_s);
