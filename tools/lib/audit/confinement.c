/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of what else holds a process back: filters, labels, cgroups. */
#include "audit/check_functions.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum severity severity_of(const struct audit_process *process)
{
	return process->is_libvirt ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

void check_seccomp(struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		int mode = audit_class(process, c)->details.seccomp;
		if (mode < 0) {
			audit_unknown(audit, "the kernel does not report the seccomp mode");
			return;
		}
		if (mode == 0)
			audit_fail_as(
				audit, severity_of(process), c, "no seccomp filter is active");
	}
}

static bool starts_with(const char *text, const char *prefix)
{
	return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* user:role:type:level; the type tells. */
static bool is_unconfined_by_selinux(const char *label)
{
	static const char *const types[] = {"unconfined_t", "unconfined_service_t", "initrc_t",
		"kernel_t", "init_t", "virtd_t", "virtqemud_t"};
	const char *type = strchr(label, ':');

	type = type ? strchr(type + 1, ':') : NULL;
	if (!type)
		return true;
	size_t length = strcspn(type + 1, ":\n");
	for (size_t i = 0; i < N_ELEMENTS(types); i++)
		if (length == strlen(types[i]) && strncmp(type + 1, types[i], length) == 0)
			return true;
	return false;
}

void check_label(struct audit *audit, const struct audit_process *process)
{
	const char *enforce = tree_read_once(&audit->tree, "/sys/fs/selinux/enforce");
	const char *apparmor =
		tree_read_once(&audit->tree, "/sys/module/apparmor/parameters/enabled");
	bool by_selinux = starts_with(enforce, "1");

	if (!by_selinux && !starts_with(apparmor, "Y")) {
		audit_not_applicable(audit, enforce ? "SELinux is not enforcing"
						    : "neither SELinux nor AppArmor is active");
		return;
	}
	if (!process->label || !*process->label) {
		audit_unknown(audit, "cannot read the security label");
		return;
	}
	cleanup_free char *label = xstrndup(process->label, strcspn(process->label, "\n"));
	size_t length = strlen(label);
	bool complains = length > 10 && strcmp(label + length - 10, " (enforce)") != 0 &&
			 label[length - 1] == ')';
	if (by_selinux ? is_unconfined_by_selinux(label)
		       : strcmp(label, "unconfined") == 0 || complains)
		audit_fail(audit, NO_CLASS, "not confined by %s: label %s",
			by_selinux ? "SELinux" : "AppArmor", label);
}

/* How many programs of that kind hold for the cgroup, those above it included; -1: errno. */
static int count_device_programs(int cgroup)
{
	uint32_t ids[64];
	union bpf_attr attr = {0};

	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.query_flags = BPF_F_QUERY_EFFECTIVE;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = N_ELEMENTS(ids);
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof attr) < 0)
		return errno == ENOSPC ? (int)N_ELEMENTS(ids) : -1;
	return (int)attr.query.prog_cnt;
}

/* Where the hierarchy is mounted: with that controller, or of version 2 with "". New, or NULL. */
static char *mount_point(const char *mounts, const char *controller)
{
	struct proc_mount mount;
	char *found = NULL;

	while (mounts && !found && proc_mountinfo_next(&mounts, &mount)) {
		bool wanted = *controller ? strcmp(mount.type, "cgroup") == 0 &&
						    proc_options_have(mount.options, controller)
					  : strcmp(mount.type, "cgroup2") == 0;
		if (wanted)
			found = xstrdup(mount.point);
		proc_mount_free(&mount);
	}
	return found;
}

/* Version 1 (cgroup-v1/devices.rst): "a *:* rwm" is everything. -1 and errno: not told. */
static int list_allows_all(const struct audit_tree *tree, const char *directory)
{
	cleanup_free char *file = xasprintf("%s/devices.list", directory);
	cleanup_free char *list = tree_read(tree, file, NULL);

	if (!list)
		return -1;
	return starts_with(list, "a *:* rwm") || strstr(list, "\na *:* rwm");
}

/* Where no program of that kind holds for it. */
static int programs_allow_all(const struct audit_tree *tree, const char *directory)
{
	cleanup_fd int fd = tree_open_path(tree, directory, O_RDONLY | O_DIRECTORY);
	int n = fd >= 0 ? count_device_programs(fd) : -1;

	return n < 0 ? -1 : n == 0;
}

/* It is read once for processes that follow each other and have the same. */
static const struct judged_cgroup *judge(struct audit *audit, const char *directory, bool by_list)
{
	struct judged_cgroup *judged = &audit->cgroup;

	if (judged->directory && strcmp(judged->directory, directory) == 0)
		return judged;
	free(judged->directory);
	judged->directory = xstrdup(directory);
	judged->allows_all = by_list ? list_allows_all(&audit->tree, directory)
				     : programs_allow_all(&audit->tree, directory);
	judged->number = errno;
	return judged;
}

void check_device_cgroup(struct audit *audit, const struct audit_process *process)
{
	const char *mounts = tree_read_once(&audit->tree, "/proc/self/mountinfo");
	int number = errno;
	cleanup_free char *old = mount_point(mounts, "devices");
	cleanup_free char *new = mount_point(mounts, "");

	if (!mounts && !audit->tree.root) {
		audit_unreadable(audit, number, "cannot read /proc/self/mountinfo");
		return;
	}
	if (!old && !new) {
		audit_not_applicable(audit, "no cgroup file system is mounted");
		return;
	}
	const char *text = process->cgroup;
	cleanup_free char *path = text ? proc_cgroup_path(text, old ? "devices" : "") : NULL;
	if (!path) {
		audit_unknown(audit, "cannot determine the cgroup");
		return;
	}
	cleanup_free char *directory = xasprintf("%s%s", old ? old : new, path);
	if (!old && audit->tree.root) {
		audit_unknown(audit, "cannot query the BPF programs of a cgroup with --root");
		return;
	}
	const struct judged_cgroup *judged = judge(audit, directory, old != NULL);
	if (judged->allows_all < 0)
		audit_unreadable(audit, judged->number,
			old ? "cannot read devices.list of the cgroup"
			    : "cannot query the BPF programs of the cgroup");
	else if (judged->allows_all)
		audit_fail_as(audit, severity_of(process), NO_CLASS,
			"cgroup allows all devices: %s%s", directory, old ? "/devices.list" : "");
}
