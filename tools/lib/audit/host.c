/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of the host: the account, the settings against what runs, and what the audit sees. */
#include "audit/check_functions.h"
#include "audit/find.h"
#include "audit/isolation.h"
#include "audit/writers.h"
#include "base/account_power.h"
#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/proc_text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* /etc/libvirt/qemu.conf:12, or where a setting comes from if no line has it. */
static char *origin(const struct audit *audit, unsigned line)
{
	const char *file = audit->settings.file;

	if (!file)
		return xstrdup("the built-in default");
	return line ? xasprintf("%s:%u", file, line)
		    : xasprintf("the default, not set in %s", file);
}

static void judge_groups(struct audit *audit)
{
	const struct tree_account *user = &audit->user;

	tree_find_groups(&audit->tree, &audit->user);
	for (size_t i = 0; i < user->n_groups; i++) {
		gid_t gid = user->groups[i];
		cleanup_free char *name = tree_group_name(&audit->tree, gid);
		cleanup_free char *own = xasprintf("%s (%u)", user->name, gid);
		bool is_usual = strncmp(name, "qemu (", 6) == 0 || strncmp(name, "kvm (", 5) == 0 ||
				strcmp(name, own) == 0;
		if (!is_usual || gid == 0)
			audit_fail(audit, NO_CLASS, "user %s is a member of group %s", user->name,
				name);
	}
}

void check_account(struct audit *audit)
{
	const struct settings *settings = &audit->settings;
	const char *user = settings->user.value, *group = settings->group.value;

	if (audit->settings_errno) {
		audit_unreadable(audit, audit->settings_errno, "cannot read the settings");
		return;
	}
	if (audit->has_user < 0 || audit->has_group < 0) {
		audit_unknown(audit, "cannot look up %s in the account database",
			audit->has_user < 0 ? user : group);
		return;
	}
	if (!audit->has_user)
		audit_fail(audit, NO_CLASS, "user %s does not exist", user);
	if (!audit->has_group)
		audit_fail(audit, NO_CLASS, "group %s does not exist", group);
	if (audit->has_group && audit->group == 0)
		audit_fail(audit, NO_CLASS, "QEMU group %s has gid 0", group);
	if (!audit->has_user)
		return;
	if (audit->user.uid == 0) {
		audit_fail(audit, NO_CLASS, "QEMU user %s has uid 0", user);
		return;
	}
	if (!audit->user.name)
		return;
	if (!account_cannot_log_in(audit->user.shell))
		audit_fail(audit, NO_CLASS, "user %s can log in: its shell is %s", audit->user.name,
			*audit->user.shell ? audit->user.shell : "/bin/sh");
	judge_groups(audit);
}

/* The account that libvirt runs QEMU as where qemu.conf has no "user"; NULL: not told. New. */
static char *compiled_default(struct audit *audit)
{
	static const char comment[] = "#user = \"";
	cleanup_free char *text = tree_read(&audit->tree, SETTINGS_ADMIN_FILE, NULL);

	/* Packagers write it into the commented sample. */
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, comment, strlen(comment)) == 0) {
			line += strlen(comment);
			return xstrndup(line, strcspn(line, "\"\n"));
		}
	}
	return NULL;
}

static bool has_libvirt(const struct audit_tree *tree)
{
	static const char *const daemons[] = {"/usr/sbin/libvirtd", "/usr/sbin/virtqemud",
		"/usr/local/sbin/libvirtd", "/usr/local/sbin/virtqemud"};
	struct stat st;

	for (size_t i = 0; i < N_ELEMENTS(daemons); i++)
		if (tree_stat(tree, daemons[i], &st, 0))
			return true;
	return false;
}

/* Where the file names no user, libvirt goes by what was compiled into it, and we do not. */
static void judge_libvirt(struct audit *audit)
{
	const struct setting_string *user = &audit->settings.user;

	if (user->line || !has_libvirt(&audit->tree))
		return;
	cleanup_free char *libvirts = compiled_default(audit);
	if (!libvirts)
		audit_unknown(audit,
			"cannot determine which user libvirt runs QEMU as: user is not set "
			"in " SETTINGS_ADMIN_FILE);
	else if (strcmp(libvirts, user->value) != 0)
		audit_fail(audit, NO_CLASS,
			"libvirt runs QEMU as %s, its compiled-in default, instead of "
			"%s: user is not set in " SETTINGS_ADMIN_FILE,
			libvirts, user->value);
}

static void judge_root(struct audit *audit)
{
	const struct settings *s = &audit->settings;
	bool by_user =
		audit->has_user == 1 ? audit->user.uid == 0 : strcmp(s->user.value, "root") == 0;
	bool by_group =
		audit->has_group == 1 ? audit->group == 0 : strcmp(s->group.value, "root") == 0;
	cleanup_free char *user = origin(audit, s->user.line);
	cleanup_free char *group = origin(audit, s->group.line);
	cleanup_free char *clear = origin(audit, s->clear_emulator_capabilities.line);

	if (by_user)
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS, "%s: user = \"%s\" runs QEMU as root",
			user, s->user.value);
	if (by_group)
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"%s: group = \"%s\" runs QEMU in group root", group, s->group.value);
	/* Its src/qemu/libvirtd_qemu.aug calls that setting obsolete. */
	if (by_user && has_libvirt(&audit->tree))
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"%s: user = \"%s\" gives QEMU that libvirt starts all capabilities of "
			"root, "
			"whatever clear_emulator_capabilities says",
			user, s->user.value);
	if (by_user && !s->clear_emulator_capabilities.value)
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"%s: clear_emulator_capabilities = 0 lets QEMU that virt-priv-run or "
			"virt-priv-exec starts keep all capabilities of root",
			clear);
}

/* Its start, in seconds since the epoch; field 22 counts from the boot. */
static bool start_time(const struct audit_process *process, long long boot, long long *start)
{
	if (!process->has_start)
		return false;
	*start = boot + (long long)(process->start / (unsigned long long)sysconf(_SC_CLK_TCK));
	return true;
}

static bool runs_as(const struct audit *audit, const struct audit_process *process, uid_t uid)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		bool is_expected = true;
		for (int i = 0; i < 4; i++)
			is_expected = is_expected && status->uid[i] == uid;
		if (!is_expected && !audit_has_own_ids(audit, process, status))
			return false;
	}
	return true;
}

static void judge_age(struct audit *audit, const struct audit_process *process, long long boot)
{
	long long start, changed = audit->settings_time.tv_sec;
	struct tm tm;
	char when[32] = "";

	if (!start_time(process, boot, &start)) {
		audit_unknown(audit, "cannot determine when process %d was started", process->pid);
		audit->findings[audit->n_findings - 1].pid = process->pid;
		return;
	}
	/* Computed from two clocks: what is a second apart is not told apart. */
	if (start + 1 >= changed)
		return;
	if (localtime_r(&audit->settings_time.tv_sec, &tm))
		strftime(when, sizeof when, "%F %T", &tm);
	/* P00, P02 and H03 tell why not. */
	bool is_told = audit->has_user >= 0 && process->n_classes > 0;
	bool as_asked = audit->has_user == 1 && runs_as(audit, process, audit->user.uid);
	audit_fail_as(audit, as_asked || !is_told ? SEVERITY_LOW : SEVERITY_MEDIUM, NO_CLASS,
		"process %d was started before %s was changed at %s, and %s", process->pid,
		audit->settings.file, when,
		!is_told   ? "its user cannot be compared"
		: as_asked ? "runs as the configured user"
			   : "does not run as the configured user");
	audit->findings[audit->n_findings - 1].pid = process->pid;
}

/* Of this host, settings_read() has refused them. */
static void judge_writers(struct audit *audit)
{
	const char *file = audit->settings.file;
	cleanup_fd int fd = -1;
	struct stat st;
	struct trust_report report;

	if (!audit->tree.root || !file)
		return;
	fd = tree_open_path(&audit->tree, file, O_PATH);
	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	struct trust_facts facts = trust_read(fd, &st);
	if (!trust_allows(TRUST_STEERS, &facts, 0, &report)) {
		cleanup_free char *why = audit_writers_cause(audit, &facts, &report);
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"%s is writable by users other than root (mode %04o, uid %u)%s", file,
			st.st_mode & 07777, st.st_uid, why);
	}
	trust_free(&facts);
	cleanup_free char *cause = NULL;
	cleanup_free char *weak = audit_weak_directory(audit, file, &cause);
	if (weak)
		audit_fail_as(audit, SEVERITY_HIGH, NO_CLASS,
			"%s, a parent directory of %s, is writable by users other than root%s",
			weak, file, cause ? cause : "");
}

void check_settings(struct audit *audit)
{
	long long boot;

	if (audit->settings_errno) {
		audit_unreadable(audit, audit->settings_errno, "cannot read the settings");
		return;
	}
	judge_writers(audit);
	judge_root(audit);
	judge_libvirt(audit);
	if (audit->settings_time_errno && audit->n_processes)
		audit_unreadable(audit, audit->settings_time_errno,
			"cannot determine when the settings were changed");
	if (!audit->settings_time.tv_sec || audit->n_processes == 0)
		return;
	cleanup_free char *stat = tree_read(&audit->tree, "/proc/stat", NULL);
	if (!stat || !proc_stat_boot(stat, &boot)) {
		audit_unknown(audit,
			"cannot determine the boot time, nor which processes are older "
			"than the settings");
		return;
	}
	for (size_t i = 0; i < audit->n_processes; i++)
		if (audit->processes[i]->found_by != FOUND_BY_KVM &&
			!audit->processes[i]->is_ordinary)
			judge_age(audit, audit->processes[i], boot);
}

/* linux/proc_ns.h: the numbers of the first namespaces of a kernel. */
static void judge_namespace(
	struct audit *audit, const char *kind, const char *name, const char *initial)
{
	cleanup_free char *link = xasprintf("self/ns/%s", kind);
	cleanup_free char *ns = tree_link(audit->tree.proc, link);

	if (!ns)
		audit_blind(audit, "cannot determine the %s namespace", name);
	else if (strcmp(ns, initial) != 0)
		audit_blind(audit,
			"not in the %s namespace of the host; run virt-priv-audit outside the "
			"container",
			name);
}

static uint64_t own_capabilities(struct audit *audit)
{
	cleanup_free char *text = tree_read_at(&audit->tree, audit->tree.proc, "self/status", NULL);
	cleanup_free char *error = NULL;
	struct proc_status status;

	if (!text || !proc_status_parse(text, &status, &error))
		return 0;
	uint64_t effective = status.effective;
	proc_status_free(&status);
	return effective;
}

static void judge_proc(struct audit *audit, bool sees_all)
{
	static const char *const hiding[] = {"hidepid=1", "hidepid=2", "hidepid=4",
		"hidepid=noaccess", "hidepid=invisible", "hidepid=ptraceable"};
	cleanup_free char *text =
		tree_read_at(&audit->tree, audit->tree.proc, "self/mountinfo", NULL);
	const char *mounts = text;
	struct proc_mount mount;

	if (!text) {
		audit_blind(audit, "cannot determine how /proc is mounted");
		return;
	}
	while (proc_mountinfo_next(&mounts, &mount)) {
		bool is_proc = strcmp(mount.point, "/proc") == 0 && strcmp(mount.type, "proc") == 0;
		/* Who may trace everything sees everything (fs/proc/base.c, has_pid_permissions()).
		 */
		for (size_t i = 0; is_proc && !sees_all && i < N_ELEMENTS(hiding); i++)
			if (proc_options_have(mount.options, hiding[i]))
				audit_blind(audit,
					"/proc is mounted with %s, which hides processes",
					hiding[i]);
		proc_mount_free(&mount);
	}
}

void check_sight(struct audit *audit)
{
	static const uint64_t trace = UINT64_C(1) << CAP_SYS_PTRACE;
	static const uint64_t search =
		UINT64_C(1) << CAP_DAC_READ_SEARCH | UINT64_C(1) << CAP_DAC_OVERRIDE;
	cleanup_free char *self =
		audit->tree.root ? tree_link(audit->tree.proc, "self/ns/user") : NULL;

	if (audit->tree.root && !self) {
		audit_not_applicable(audit, "not recorded in the tree");
		return;
	}
	judge_namespace(audit, "pid", "pid", "pid:[4026531836]");
	judge_namespace(audit, "user", "user", "user:[4026531837]");
	uint64_t own = own_capabilities(audit);
	judge_proc(audit, own & trace);
	if (!(own & trace))
		audit_blind(audit, "CAP_SYS_PTRACE is missing; run virt-priv-audit as root");
	if (!(own & search))
		audit_blind(audit, "CAP_DAC_READ_SEARCH is missing; run virt-priv-audit as root");
	if (audit->n_hidden)
		audit_blind(audit, "cannot inspect %zu process%s: %s", audit->n_hidden,
			audit->n_hidden == 1 ? "" : "es", attempt_why(audit->hidden_errno));
	if (audit->unseen_directory)
		audit_blind(audit, "cannot determine which programs in %s are QEMU: %s",
			audit->unseen_directory, attempt_why(audit->unseen_errno));
}
