/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings as JSON: every thread with all that was judged of it. */
#include "audit/report.h"

#include "audit/run.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"

#include <string.h>
#include <sys/utsname.h>

static void ids_json(const char *key, const uint32_t *ids, size_t n)
{
	json_begin_array(key);
	for (size_t i = 0; i < n; i++)
		json_integer(NULL, ids[i]);
	json_end_array();
}

static void set_json(const char *key, uint64_t set)
{
	cleanup_free char *text = xasprintf("%016llx", (unsigned long long)set);

	json_bytes(key, text);
}

static void number_or_null(const char *key, long long number)
{
	if (number < 0)
		json_null(key);
	else
		json_integer(key, number);
}

static void thread_json(const struct audit_thread *thread)
{
	const struct proc_status *status = &thread->status;
	const char state[] = {thread->details.state, '\0'};

	json_begin_object(NULL);
	json_integer("tid", thread->tid);
	json_bytes("name", thread->details.name);
	json_bytes("state", *state ? state : NULL);
	ids_json("uid", status->uid, 4);
	ids_json("gid", status->gid, 4);
	ids_json("groups", status->groups, status->n_groups);
	json_begin_object("capabilities");
	set_json("inheritable", status->inheritable);
	set_json("permitted", status->permitted);
	set_json("effective", status->effective);
	set_json("bounding", status->bounding);
	set_json("ambient", status->ambient);
	json_end_object();
	json_boolean("no_new_privs", status->no_new_privs);
	number_or_null("seccomp", thread->details.seccomp);
	number_or_null("seccomp_filters", thread->details.seccomp_filters);
	number_or_null("tracer", thread->details.tracer);
	number_or_null("securebits", thread->securebits);
	ids_json("ns_pid", thread->details.ns_pid, thread->details.n_ns_pid);
	json_end_object();
}

static void process_json(const struct audit_process *process)
{
	cleanup_free char *label =
		process->label ? xstrndup(process->label, strcspn(process->label, "\n")) : NULL;

	json_begin_object(NULL);
	json_integer("pid", process->pid);
	json_bytes("name", process->name);
	json_bytes("exe", process->exe);
	json_bytes("found_by", found_by_name(process->found_by));
	json_boolean(
		"qemu", process->found_by != FOUND_BY_KVM && process->found_by != FOUND_BY_REQUEST);
	json_boolean("libvirt", process->is_libvirt);
	json_bytes("label", label && *label ? label : NULL);
	json_bytes("user_namespace", process->user_ns);
	json_bytes("network_namespace", process->network.link);
	json_bytes("ipc_namespace", process->ipc.link);
	json_bytes("source", process->is_by_bpf ? "bpf" : "proc");
	if (process->has_start)
		json_integer("start", (long long)process->start);
	else
		json_null("start");
	json_begin_array("threads");
	for (size_t i = 0; i < process->n_threads; i++)
		thread_json(&process->threads[i]);
	json_end_array();
	json_end_object();
}

static void finding_json(const struct finding *finding)
{
	json_begin_object(NULL);
	json_bytes("check", finding->check->id);
	json_bytes("severity", severity_name(finding->severity));
	json_bytes("status", verdict_name(finding->verdict));
	if (finding->pid)
		json_integer("pid", finding->pid);
	if (finding->tid) {
		json_integer("tid", finding->tid);
		json_integer("threads", (long long)finding->threads);
	}
	json_bytes("message", finding->message);
	json_end_object();
}

static void account_json(
	const char *key, const struct setting_string *setting, int has, uint32_t id)
{
	json_begin_object(key);
	json_bytes("value", setting->value);
	if (setting->line)
		json_integer("line", setting->line);
	else
		json_null("line");
	if (has == 1)
		json_integer("id", id);
	else
		json_null("id");
	json_end_object();
}

static void host_json(const struct audit *audit)
{
	struct utsname names;
	bool is_here = !audit->tree.root && uname(&names) == 0;

	json_begin_object("host");
	json_bytes("root", audit->tree.root);
	json_bytes("kernel", is_here ? names.release : NULL);
	json_bytes("config", audit->settings.file);
	account_json("user", &audit->settings.user, audit->has_user, audit->user.uid);
	account_json("group", &audit->settings.group, audit->has_group, audit->group);
	json_begin_object("isolate_ids");
	json_integer("first", audit->settings.isolate_ids.value.first);
	json_integer("count", audit->settings.isolate_ids.value.count);
	json_end_object();
	json_integer("hidden_processes", (long long)audit->n_hidden);
	json_bytes("unseen_directory", audit->unseen_directory);
	json_end_object();
}

void audit_report_json(const struct audit *audit, const struct report_request *request)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	host_json(audit);
	json_bytes("threshold", severity_name(request->threshold));
	json_integer("exit_status", audit_status(audit, request->threshold, request->strict));
	json_begin_array("processes");
	for (size_t i = 0; i < audit->n_processes; i++)
		process_json(audit->processes[i]);
	json_end_array();
	json_begin_array("findings");
	for (size_t i = 0; i < audit->n_findings; i++)
		if (audit->findings[i].verdict != VERDICT_PASS || request->verbose)
			finding_json(&audit->findings[i]);
	json_end_array();
	json_end_object();
	json_finish();
}
