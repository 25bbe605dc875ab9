/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confchange.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "conf/conf_report.h"

#include <stdarg.h>
#include <stdio.h>

const char *confchange_word(const struct confcmd *command)
{
	return command->dry_run ? "would be changed" : "changed";
}

static void put_line(const char *line, const char *end)
{
	cleanup_free char *safe = log_escape(line);

	printf("%s%s\n", safe, end);
}

void confchange_say(const struct confcmd *command, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	cleanup_free char *line = xvasprintf(format, ap);
	va_end(ap);
	if (!command->json)
		put_line(line, "");
}

void confchange_say_unchanged(const struct confcmd *command, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	cleanup_free char *line = xvasprintf(format, ap);
	va_end(ap);
	if (!command->json)
		put_line(line, " (unchanged)");
	confchange_report(command, NULL, 0);
}

void confchange_say_what_reads_it(const struct confcmd *command)
{
	confchange_say(command, "libvirt reads the file when its daemon starts: systemctl "
				"try-restart virtqemud libvirtd");
	confchange_say(command, "Running virtual machines keep their settings.");
}

static void put_value(const char *key, const struct conf_value *value)
{
	if (value)
		conf_report_value_json(key, value);
	else
		json_null(key);
}

void confchange_report(
	const struct confcmd *command, const struct confchange *changes, size_t n_changes)
{
	if (!command->json)
		return;
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("command", command->name);
	json_boolean("dry_run", command->dry_run);
	json_bytes("result", n_changes > 0 ? "changed" : "unchanged");
	json_begin_array("changes");
	for (size_t i = 0; i < n_changes; i++) {
		json_begin_object(NULL);
		json_bytes("file", changes[i].file);
		if (changes[i].key) {
			json_integer("line", changes[i].line);
			json_bytes("key", changes[i].key);
			put_value("was", changes[i].was);
			put_value("value", changes[i].value);
		}
		json_end_object();
	}
	json_end_array();
	json_end_object();
	json_finish();
}
