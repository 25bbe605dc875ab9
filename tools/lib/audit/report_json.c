/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings as JSON: every thread with all that was judged of it. */
#include "audit/report.h"

#include "audit/journals.h"
#include "audit/run.h"
#include "audit/verdict.h"
#include "audit/vm_names.h"
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

/* Whose it is, and what is to be said of it first. */
static void identity_json(const struct audit *audit, const struct audit_process *process,
	const struct process_verdict *verdict)
{
	json_bytes("vm", process->vm_name);
	json_bytes("vm_named_by", audit_named_by(process));
	json_bytes("unit", process->unit);
	if (process->n_classes) {
		uid_t uid = audit_class(process, 0)->status.uid[PROC_EFFECTIVE];
		cleanup_free char *user = tree_account_name(&audit->tree, uid);
		json_integer("uid", uid);
		json_bytes("user", user);
	} else {
		json_null("uid");
		json_null("user");
	}
	json_boolean("ordinary", process->is_ordinary);
	json_bytes("verdict", audit_grade_name(verdict->grade));
	json_bytes("worst", verdict->worst ? verdict->worst->check->id : NULL);
	cleanup_free char *remedy = verdict->worst ? audit_remedy(audit, verdict->worst) : NULL;
	json_bytes("remedy", remedy);
}

static void process_json(const struct audit *audit, const struct audit_process *process,
	const struct process_verdict *verdict)
{
	cleanup_free char *label =
		process->label ? xstrndup(process->label, strcspn(process->label, "\n")) : NULL;

	json_begin_object(NULL);
	json_integer("pid", process->pid);
	json_bytes("name", process->name);
	identity_json(audit, process, verdict);
	json_bytes("exe", process->exe);
	json_bytes("found_by", found_by_name(process->found_by));
	json_boolean("qemu", audit_is_qemu(process));
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

static void finding_json(const struct audit *audit, const struct finding *finding)
{
	cleanup_free char *remedy =
		finding->verdict == VERDICT_FAIL ? audit_remedy(audit, finding) : NULL;

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
	if (remedy)
		json_bytes("remedy", remedy);
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

static void vms_json(const struct audit *audit, const struct process_verdict *verdicts)
{
	size_t n[N_GRADES];

	audit_count_vms(audit, verdicts, n);
	json_begin_object("vms");
	for (int i = GRADE_PASS; i < N_GRADES; i++)
		json_integer(audit_grade_name((enum grade)i), (long long)n[i]);
	json_end_object();
}

static void claims_json(const struct audit_journals *journals)
{
	bool is_listed = !journals->number && !journals->is_unsafe;

	json_begin_object("claims");
	number_or_null("held", is_listed ? (long long)journals->n_held : -1);
	number_or_null("abandoned", is_listed ? (long long)journals->n_abandoned : -1);
	number_or_null("unknown", is_listed ? (long long)journals->n_unknown : -1);
	json_end_object();
}

void audit_report_json(const struct audit *audit, const struct report_request *request)
{
	cleanup_free struct process_verdict *verdicts = audit_verdicts(audit);

	json_begin_object(NULL);
	json_integer("version", 1);
	host_json(audit);
	json_bytes("threshold", severity_name(request->threshold));
	json_integer("exit_status", audit_status(audit, request->threshold, request->strict));
	vms_json(audit, verdicts);
	claims_json(audit->journals);
	json_begin_array("processes");
	for (size_t i = 0; i < audit->n_processes; i++)
		process_json(audit, audit->processes[i], &verdicts[i]);
	json_end_array();
	json_begin_array("findings");
	for (size_t i = 0; i < audit->n_findings; i++)
		if (audit->findings[i].verdict != VERDICT_PASS || request->verbose)
			finding_json(audit, &audit->findings[i]);
	json_end_array();
	json_end_object();
	json_finish();
}
