/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/vm_names.h"

#include "audit/isolation.h"
#include "audit/journals.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/proc_text.h"
#include "claims/journal.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_vm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define LIBVIRT_PID_FILES "/run/libvirt/qemu"
#define UNIT_BEGIN "virt-priv-vm@"
#define UNIT_END ".service"

/* A file of libvirt's with the process id of a VM: NAME.pid. */
struct libvirt_vm {
	pid_t pid;
	char *name;
};

struct libvirt_vms {
	struct libvirt_vm *all;
	size_t n;
};

static void add_libvirt_vm(
	const struct audit_tree *tree, int directory, const char *file, struct libvirt_vms *vms)
{
	const char *dot = strrchr(file, '.');

	if (!dot || strcmp(dot, ".pid") != 0)
		return;
	cleanup_free char *text = tree_read_at(tree, directory, file, NULL);
	int pid = text ? atoi(text) : 0;
	if (pid <= 0)
		return;
	ARRAY_GROW(vms->all, vms->n);
	vms->all[vms->n++] = (struct libvirt_vm){pid, xstrndup(file, (size_t)(dot - file))};
}

/* libvirt keeps the process ids of its machines in files that only root can write. */
static void read_libvirt_vms(const struct audit_tree *tree, struct libvirt_vms *vms)
{
	const struct dirent *d;
	int fd = tree_open_path(tree, LIBVIRT_PID_FILES, O_RDONLY | O_DIRECTORY);
	cleanup_dir DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	while (dir && (d = readdir(dir)) != NULL)
		add_libvirt_vm(tree, fd, d->d_name, vms);
}

static void free_libvirt_vms(struct libvirt_vms *vms)
{
	for (size_t i = 0; i < vms->n; i++)
		free(vms->all[i].name);
	free(vms->all);
}

/* machined's "\x2d" for "-"; in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		const char digits[] = {p[0] == '\\' && p[1] == 'x' && p[2] ? p[2] : '\0',
			p[0] == '\\' && p[1] == 'x' && p[2] ? p[3] : '\0', '\0'};
		if (strspn(digits, "0123456789abcdefABCDEF") == 2) {
			*out++ = (char)strtoul(digits, NULL, 16);
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* Of "machine-qemu\x2d1\x2dvm1.scope", as libvirt names a machine: new, or NULL. */
static char *name_of_scope(const char *unit)
{
	static const char begin[] = "machine-qemu-", end[] = ".scope";
	cleanup_free char *copy = xstrdup(unit);

	unescape(copy);
	size_t length = strlen(copy);
	if (strncmp(copy, begin, strlen(begin)) != 0 || length < strlen(begin) + strlen(end) ||
		strcmp(copy + length - strlen(end), end) != 0)
		return NULL;
	copy[length - strlen(end)] = '\0';
	const char *name = copy + strlen(begin);
	name += strspn(name, "0123456789");
	return *name == '-' && name[1] ? xstrdup(name + 1) : NULL;
}

/* Whether libvirt started it. Its name, new, in *name, if it is told there. */
static bool is_of_libvirt(
	const struct libvirt_vms *vms, const struct audit_process *process, char **name)
{
	static const char users[] = "/user.slice/";
	cleanup_free char *path = proc_cgroup_systemd(process->cgroup);

	*name = NULL;
	for (size_t i = 0; i < vms->n; i++)
		if (vms->all[i].pid == process->pid) {
			*name = xstrdup(vms->all[i].name);
			return true;
		}
	/* Below a user's slice, the user names cgroups. */
	if (!path || strncmp(path, users, strlen(users)) == 0 || !strstr(path, "/machine-qemu"))
		return false;
	cleanup_free char *unit = proc_cgroup_unit(path);
	*name = unit ? name_of_scope(unit) : NULL;
	return true;
}

static void name_it(struct audit_process *process, char *name, enum named_by named_by)
{
	if (!name)
		return;
	process->vm_name = name;
	process->named_by = named_by;
}

/* The instance of the unit: new, or NULL. */
static char *name_of_unit(const char *unit)
{
	size_t begin = strlen(UNIT_BEGIN), length = unit ? strlen(unit) : 0;

	if (length <= begin + strlen(UNIT_END) || strncmp(unit, UNIT_BEGIN, begin) != 0)
		return NULL;
	char *name = xstrndup(unit + begin, length - begin - strlen(UNIT_END));
	if (journal_is_name(name))
		return name;
	free(name);
	return NULL;
}

/* The claim that the process holds. */
static char *name_of_claim(struct audit *audit, const struct audit_process *process)
{
	const struct audit_journals *journals = audit_journals(audit);

	for (size_t i = 0; process->has_start && i < journals->n; i++) {
		const struct journal *journal = journals->all[i].journal;
		if (journal && journal->holder == process->pid &&
			journal->holder_start == process->start)
			return xstrdup(journal->name);
	}
	return NULL;
}

/* Who was given the id that the process has. */
static char *name_of_id(const struct audit *audit, const struct audit_process *process)
{
	uint32_t uid = process->n_classes ? audit_class(process, 0)->status.uid[0] : 0;

	if (!audit_is_vm_id(audit, uid))
		return NULL;
	cleanup_free char *path = xasprintf(RUNTIME_DIR "/" RUNTIME_ID "%u", uid);
	cleanup_free char *text = tree_read(&audit->tree, path, NULL);
	if (!text)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return journal_is_name(text) ? xstrdup(text) : NULL;
}

/* What virt-priv-run has noted of its VMs, read when the first process is looked for in it. */
struct records {
	bool is_read;
	struct runtime_vm **all;
	size_t n;
};

static void read_records(struct records *records)
{
	cleanup_free char **names = NULL;
	cleanup_free char *error = NULL;
	size_t n = 0;

	records->is_read = true;
	if (!runtime_vm_names(&names, &n, &error))
		return;
	records->all = xcalloc(n + 1, sizeof *records->all);
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *name = names[i];
		cleanup_free char *why = NULL;
		struct runtime_vm *vm = NULL;
		if (runtime_vm_read(name, &vm, &why) && vm)
			records->all[records->n++] = vm;
	}
}

static void free_records(struct records *records)
{
	for (size_t i = 0; i < records->n; i++)
		runtime_vm_free(records->all[i]);
	free(records->all);
}

/* Also where nothing of the VM is claimed. New, or NULL. */
static char *name_of_record(struct records *records, const struct audit_process *process)
{
	if (!records->is_read)
		read_records(records);
	for (size_t i = 0; process->has_start && i < records->n; i++) {
		const struct runtime_process *qemu = &records->all[i]->qemu;
		if (qemu->pid == process->pid && qemu->start == process->start)
			return xstrdup(records->all[i]->name);
	}
	return NULL;
}

static void name_process(struct audit *audit, struct audit_process *process,
	const struct libvirt_vms *vms, struct records *records)
{
	cleanup_free char *path = proc_cgroup_systemd(process->cgroup);
	char *libvirts;

	process->unit = path ? proc_cgroup_unit(path) : NULL;
	process->is_libvirt = is_of_libvirt(vms, process, &libvirts);
	name_it(process, libvirts, NAMED_BY_LIBVIRT);
	if (!process->is_libvirt)
		name_it(process, name_of_unit(process->unit), NAMED_BY_RUN);
	if (!process->vm_name)
		name_it(process, name_of_id(audit, process), NAMED_BY_RUN);
	if (!process->vm_name)
		name_it(process, name_of_claim(audit, process), NAMED_BY_RUN);
	if (!process->vm_name && !audit->tree.root && audit_is_qemu(process))
		name_it(process, name_of_record(records, process), NAMED_BY_RUN);
}

void audit_vms_name(struct audit *audit)
{
	struct libvirt_vms vms = {0};
	struct records records = {0};

	if (audit->n_processes)
		read_libvirt_vms(&audit->tree, &vms);
	for (size_t i = 0; i < audit->n_processes; i++)
		name_process(audit, audit->processes[i], &vms, &records);
	free_libvirt_vms(&vms);
	free_records(&records);
}

const char *audit_named_by(const struct audit_process *process)
{
	static const char *const names[] = {NULL, "virt-priv-run", "libvirt", "command-line"};

	return names[process->named_by];
}

char *audit_display_name(const struct audit_process *process)
{
	return process->vm_name ? xstrdup(process->vm_name) : xasprintf("[%s]", process->name);
}
