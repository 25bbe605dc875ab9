/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/conf_report.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "conf/confvalue.h"

#include <stdio.h>
#include <stdlib.h>

/* What decides about privileges, and what counts where the file does not say. */
static const struct privilege {
	const char *key;
	const char *text; /* the default; with neither: whatever libvirt's own is */
	bool is_integer;
	long long integer;
} privileges[] = {
	{"user", "qemu", false, 0},
	{"group", "qemu", false, 0},
	{"dynamic_ownership", NULL, true, 1},
	{"remember_owner", NULL, true, 1},
	{"clear_emulator_capabilities", NULL, true, 1},
	{"seccomp_sandbox", NULL, true, -1},
	{"isolate_ids", "90000:8192", false, 0},
	{"max_core", NULL, true, 0},
	{"max_processes", NULL, true, 0},
	{"max_files", NULL, true, 0},
	{"cgroup_device_acl", NULL, false, 0},
	{"namespaces", NULL, false, 0},
	{"security_driver", NULL, false, 0},
};
#define N_PRIVILEGES N_ELEMENTS(privileges)

static char *default_text(const struct privilege *p)
{
	if (p->is_integer)
		return xasprintf("%lld", p->integer);
	return xstrdup(p->text ? p->text : "-");
}

void conf_report_show(const char *file, const struct conf *conf)
{
	for (size_t i = 0; i < N_PRIVILEGES; i++) {
		const struct privilege *p = &privileges[i];
		const struct conf_entry *entry = conf ? conf_get(conf, p->key) : NULL;
		cleanup_free char *value = entry ? confvalue_show(&entry->value) : default_text(p);
		cleanup_free char *source =
			entry ? xasprintf("%s:%u", file, entry->line)
			      : xstrdup(p->text || p->is_integer ? "default" : "libvirt's default");
		cleanup_free char *line = xasprintf("%-27s  %-16s  %s", p->key, value, source);
		cleanup_free char *safe = log_escape(line);
		puts(safe);
	}
}

void conf_report_value_json(const char *key, const struct conf_value *value)
{
	if (value->type == CONF_INTEGER) {
		json_integer(key, value->integer);
	} else if (value->type == CONF_STRING && key) {
		json_bytes(key, value->string);
	} else if (value->type == CONF_STRING) {
		json_element(value->string);
	} else {
		json_begin_array(key);
		for (size_t i = 0; i < value->n_items; i++)
			conf_report_value_json(NULL, &value->items[i]);
		json_end_array();
	}
}

void conf_report_show_json(const char *file, const struct conf *conf)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("file", file);
	json_begin_array("settings");
	for (size_t i = 0; i < N_PRIVILEGES; i++) {
		const struct privilege *p = &privileges[i];
		const struct conf_entry *entry = conf ? conf_get(conf, p->key) : NULL;
		json_begin_object(NULL);
		json_bytes("key", p->key);
		if (entry)
			conf_report_value_json("value", &entry->value);
		else if (p->is_integer)
			json_integer("value", p->integer);
		else
			json_bytes("value", p->text);
		json_bytes("source", entry ? "file" : "default");
		if (entry)
			json_integer("line", entry->line);
		else
			json_null("line");
		json_end_object();
	}
	json_end_array();
	json_end_object();
	json_finish();
}

void conf_report_findings(const char *file, const struct finding *findings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct finding *f = &findings[i];
		cleanup_free char *place =
			f->line ? xasprintf("%s:%u:%u", file, f->line, f->column) : xstrdup(file);
		cleanup_free char *line = xasprintf("%s: %s%s%s (%s)", place, f->key ? f->key : "",
			f->key ? ": " : "", f->message, f->kind);
		cleanup_free char *safe = log_escape(line);
		puts(safe);
	}
}

void conf_report_findings_json(const char *file, const struct finding *findings, size_t n)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("file", file);
	json_begin_array("findings");
	for (size_t i = 0; i < n; i++) {
		const struct finding *f = &findings[i];
		json_begin_object(NULL);
		json_bytes("kind", f->kind);
		if (f->line) {
			json_integer("line", f->line);
			json_integer("column", f->column);
		}
		if (f->key)
			json_bytes("key", f->key);
		json_bytes("message", f->message);
		if (f->suggestion)
			json_bytes("suggestion", f->suggestion);
		json_end_object();
	}
	json_end_array();
	json_end_object();
	json_finish();
}
