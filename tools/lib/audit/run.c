/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/run.h"

#include "audit/check_functions.h"
#include "audit/checks.h"
#include "audit/command_line.h"
#include "audit/executable.h"
#include "audit/find.h"
#include "audit/journals.h"
#include "audit/ordinary.h"
#include "audit/process.h"
#include "audit/vm_names.h"
#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "path/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The settings of a tree: the same places, within it. */
static bool read_tree_settings(struct audit *audit, char **error)
{
	static const char *const places[] = {
		SETTINGS_ADMIN_FILE, VENDOR_CONF, "/usr/share/virt-privileges/qemu.conf"};
	cleanup_free char *why = NULL;

	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		size_t length;
		cleanup_free char *text = tree_read(&audit->tree, places[i], &length);
		if (!text && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (!text)
			return error_set_errno(
				error, "cannot read %s%s", audit->tree.root, places[i]);
		if (!settings_from_text(&audit->settings, places[i], text, length, &why))
			return error_set(error, "%s%s", audit->tree.root, why);
		return true;
	}
	settings_from_text(&audit->settings, "", "", 0, &why);
	free(audit->settings.file);
	audit->settings.file = NULL;
	return true;
}

/*
 * libvirt ships its file for root alone, and it can lie where nobody answers: what it says then
 * stays unknown, and the audit goes on to tell what can be told. Returns the reason, or 0.
 */
static int why_kept(const char *config)
{
	const char *file = config ? config : SETTINGS_ADMIN_FILE;

	probe(&file, 1);
	if (probe_is_silent(file))
		return ATTEMPT_SILENT;
	bool is_kept = geteuid() != 0 && faccessat(AT_FDCWD, file, R_OK, AT_EACCESS) < 0 &&
		       errno == EACCES;
	return is_kept ? EACCES : 0;
}

/* When the settings were changed, and whom they name. */
static void examine_settings(struct audit *audit, const char *config)
{
	const struct settings *s = &audit->settings;
	struct stat st;
	bool has_file = config		  ? stat(config, &st) == 0
			: s->file != NULL ? tree_stat(&audit->tree, s->file, &st, 0)
					  : false;
	if (has_file)
		audit->settings_time = st.st_mtim;
	else if ((config || s->file) && errno != ENOENT)
		audit->settings_time_errno = errno;
	audit->has_user = tree_find_user(&audit->tree, s->user.value, &audit->user);
	audit->has_group = tree_find_group(&audit->tree, s->group.value, &audit->group);
}

static bool read_settings(struct audit *audit, const char *config, char **error)
{
	audit->settings_errno = audit->tree.root ? 0 : why_kept(config);
	if (audit->settings_errno) {
		audit->has_user = audit->has_group = -1;
		return settings_from_text(&audit->settings, SETTINGS_ADMIN_FILE, "", 0, error);
	}
	bool is_read = audit->tree.root && !config ? read_tree_settings(audit, error)
						   : settings_read(&audit->settings, config, error);
	if (is_read)
		examine_settings(audit, config);
	return is_read;
}

static void add_process(struct audit *audit, struct audit_process *process)
{
	if ((audit->n_processes & (audit->n_processes - 1)) == 0)
		audit->processes = xreallocarray(audit->processes,
			audit->n_processes ? 2 * audit->n_processes : 1, sizeof *audit->processes);
	audit->processes[audit->n_processes++] = process;
}

static int by_pid(const void *a, const void *b)
{
	const struct audit_process *x = *(struct audit_process *const *)a;
	const struct audit_process *y = *(struct audit_process *const *)b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool read_named(struct audit *audit, const struct audit_request *request, char **error)
{
	for (size_t i = 0; i < request->n_pids; i++) {
		pid_t pid = request->pids[i];
		if (audit->bpf)
			audit_bpf_watch(audit->bpf, pid);
		struct audit_process *process = audit_process_read(audit, pid, FOUND_ANY);
		if (!process)
			return error_set(error, "process %d does not exist", pid);
		add_process(audit, process);
	}
	return true;
}

static bool read_found(struct audit *audit, bool scan_kvm, char **error)
{
	cleanup_free struct found_process *found = NULL;
	size_t n;

	if (!audit_find(audit, scan_kvm, &found, &n, error))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct audit_process *process =
			audit_process_read(audit, found[i].pid, found[i].kinds);
		if (process)
			add_process(audit, process);
	}
	return true;
}

static bool read_processes(struct audit *audit, const struct audit_request *request, char **error)
{
	audit->is_partial = request->n_pids > 0;
	bool is_read = request->n_pids ? read_named(audit, request, error)
				       : read_found(audit, !request->no_kvm_scan, error);

	if (audit->n_processes)
		qsort(audit->processes, audit->n_processes, sizeof *audit->processes, by_pid);
	return is_read;
}

/*
 * Whether the audit sees everything (H05) matters to every audit but one of processes
 * that were named.
 */
static bool is_wanted(const struct audit_request *request, size_t check)
{
	const struct audit_check *row = &audit_checks[check];

	if (request->skip[check])
		return false;
	if (row->process)
		return request->processes;
	return request->host || (row->host == check_sight && request->n_pids == 0);
}

/* What the checks and the reports go by, when all of them are there. */
static void examine_processes(struct audit *audit)
{
	audit_vms_name(audit);
	for (size_t i = 0; i < audit->n_processes; i++)
		audit->processes[i]->is_ordinary = audit_is_ordinary(audit, audit->processes[i]);
}

bool audit_run(struct audit *audit, const struct audit_request *request, char **error)
{
	*audit = (struct audit){0};
	if (!tree_open(&audit->tree, request->root, error))
		return false;
	audit->bpf = request->root || request->no_bpf ? NULL : audit_bpf_open();
	/* The host is judged by its processes too (H04). */
	if (!read_settings(audit, request->config, error) || !read_processes(audit, request, error))
		return false;
	examine_processes(audit);
	for (size_t p = 0; p < audit->n_processes; p++)
		for (size_t i = 0; i < n_audit_checks; i++)
			if (audit_checks[i].process && is_wanted(request, i))
				audit_check_run(audit, &audit_checks[i], audit->processes[p]);
	for (size_t i = 0; i < n_audit_checks; i++)
		if (audit_checks[i].host && is_wanted(request, i))
			audit_check_run(audit, &audit_checks[i], NULL);
	audit_journals(audit);
	/* Last: nothing is judged by it, and it can take a while. */
	audit_command_lines_read(audit);
	return true;
}

bool audit_counts(const struct finding *finding, enum severity threshold)
{
	return finding->verdict == VERDICT_FAIL && finding->severity >= threshold;
}

int audit_status(const struct audit *audit, enum severity threshold, bool strict)
{
	int status = 0;

	for (size_t i = 0; i < audit->n_findings; i++) {
		const struct finding *finding = &audit->findings[i];
		if (finding->verdict == VERDICT_UNKNOWN && !finding->is_idle &&
			(strict || finding->is_blind))
			return 2;
		if (audit_counts(finding, threshold))
			status = 1;
	}
	return status;
}

void audit_free(struct audit *audit)
{
	for (size_t i = 0; i < audit->n_processes; i++)
		audit_process_free(audit->processes[i]);
	for (size_t i = 0; i < audit->n_findings; i++)
		free(audit->findings[i].message);
	for (size_t i = 0; i < audit->n_directories; i++) {
		free(audit->directories[i].path);
		free(audit->directories[i].cause);
	}
	free(audit->directories);
	audit_executables_free(audit);
	free(audit->cgroup.directory);
	for (size_t i = 0; i < audit->n_objects; i++) {
		free(audit->objects[i].path);
		free(audit->objects[i].acl);
	}
	free(audit->processes);
	free(audit->findings);
	free(audit->objects);
	free(audit->claimed);
	audit_journals_free(audit);
	settings_free(&audit->settings);
	tree_account_free(&audit->user);
	for (size_t i = 0; i < audit->n_installed; i++)
		free(audit->installed[i].path);
	free(audit->installed);
	free(audit->seen);
	audit_bpf_close(audit->bpf);
	free(audit->reaches);
	free(audit->host.network.link);
	free(audit->host.ipc.link);
	tree_close(&audit->tree);
}
