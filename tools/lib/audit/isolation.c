/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checks of what separates a QEMU from other VMs and from the host: its user id, its root
 * directory, its namespaces, its filters.
 *
 * Most hosts run all QEMUs as one account, which is what libvirt does unless it is told otherwise:
 * that is worth a line, and no alarm. Where VMs are isolated, two others with the same id are one.
 */
#include "audit/isolation.h"

#include "audit/check_functions.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "isolate/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of the processes with the same id, as many are named. */
#define MAX_NAMED 4

bool audit_is_vm_id(const struct audit *audit, uint32_t id)
{
	const struct id_range *pool = &audit->settings.isolate_ids.value;

	return id >= pool->first && id - pool->first < pool->count;
}

bool audit_has_vm_id(const struct audit *audit, const struct audit_process *process)
{
	for (size_t c = 0; c < process->n_classes; c++)
		for (int i = 0; i < 4; i++)
			if (audit_is_vm_id(audit, audit_class(process, c)->status.uid[i]))
				return true;
	return false;
}

static bool has_account(const struct audit *audit, uint32_t uid)
{
	cleanup_free char *spec = xasprintf("+%u", uid);
	struct tree_account account;
	/* If that is not told, it can have one. */
	bool has = tree_find_user(&audit->tree, spec, &account) != 1 || account.name;

	tree_account_free(&account);
	return has;
}

bool audit_has_own_ids(const struct audit *audit, const struct audit_process *process,
	const struct proc_status *status)
{
	uint32_t id = status->uid[0];
	bool is_alone = true;

	for (int i = 0; i < 4; i++)
		is_alone = is_alone && status->uid[i] == id && status->gid[i] == id;
	/* libvirt makes its group the supplementary one, too. */
	for (size_t i = 0; i < status->n_groups; i++)
		is_alone = is_alone && status->groups[i] == id;
	return is_alone &&
	       (audit_is_vm_id(audit, id) || (process->is_libvirt && !has_account(audit, id)));
}

/* Whether a VM keeps an id of those that VMs get now. */
static bool has_kept_id(const struct audit *audit)
{
	size_t length;
	cleanup_free char *names = tree_names(&audit->tree, POOL_KEPT, &length);
	char *end;

	for (const char *name = names; names && name < names + length; name += strlen(name) + 1) {
		unsigned long id = strtoul(name, &end, 10);
		if (end != name && !*end && id < UINT32_MAX && audit_is_vm_id(audit, (uint32_t)id))
			return true;
	}
	return false;
}

bool audit_host_isolates(struct audit *audit)
{
	if (audit->isolates)
		return audit->isolates > 0;
	bool isolates = has_kept_id(audit);
	for (size_t i = 0; !isolates && i < audit->n_processes; i++)
		isolates = audit_has_vm_id(audit, audit->processes[i]);
	audit->isolates = isolates ? 1 : -1;
	return isolates;
}

/*
 * P21
 */

static bool has_uid(const struct audit_process *process, uint32_t uid)
{
	for (size_t c = 0; c < process->n_classes; c++)
		for (int i = 0; i < 4; i++)
			if (audit_class(process, c)->status.uid[i] == uid)
				return true;
	return false;
}

/* A user id that both have: one of any thread counts, since threads share memory. */
static bool find_shared(const struct audit_process *a, const struct audit_process *b, uint32_t *uid)
{
	for (size_t c = 0; c < a->n_classes; c++)
		for (int i = 0; i < 4; i++) {
			*uid = audit_class(a, c)->status.uid[i];
			if (has_uid(b, *uid))
				return true;
		}
	return false;
}

/*
 * Whether the other process is of another VM. QEMU forks: -run-with async-teardown=on leaves a
 * copy of it, which has the same memory.
 */
static bool is_other_vm(const struct audit_process *a, const struct audit_process *b)
{
	return a != b && b->found_by != FOUND_BY_REQUEST && a->parent != b->pid &&
	       b->parent != a->pid;
}

/* What has the same user id as the process that is judged. */
struct sharers {
	size_t n;
	char *pids;	  /* ", 12, 34" */
	size_t n_unknown; /* processes without a thread that could be read */
};

static struct sharers find_sharers(
	const struct audit *audit, const struct audit_process *process, uint32_t *uid)
{
	struct sharers found = {.pids = xstrdup("")};

	for (size_t i = 0; i < audit->n_processes; i++) {
		const struct audit_process *other = audit->processes[i];
		uint32_t shared;
		if (!is_other_vm(process, other))
			continue;
		found.n_unknown += other->n_classes == 0;
		if (!find_shared(process, other, &shared))
			continue;
		/* One of a single VM's is worse than that of the account. */
		if (found.n == 0 || audit_is_vm_id(audit, shared))
			*uid = shared;
		if (found.n++ < MAX_NAMED) {
			cleanup_free char *before = found.pids;
			found.pids = xasprintf("%s, %d", before, other->pid);
		}
	}
	return found;
}

static void fail_shared(struct audit *audit, const struct audit_process *process, uint32_t uid,
	const struct sharers *found)
{
	cleanup_free char *name = tree_user_name(&audit->tree, uid);
	/* libvirt does so by default, and knows nothing of what virt-priv-run isolates. */
	bool is_severe =
		audit_is_vm_id(audit, uid) || (!process->is_libvirt && audit_host_isolates(audit));

	audit_fail_as(audit, is_severe ? SEVERITY_HIGH : SEVERITY_LOW, NO_CLASS,
		"has the user id %s of %zu other VM%s too (process%s %s%s): code in one of them "
		"can reach the disks and the monitors of all%s",
		name, found->n, found->n == 1 ? "" : "s", found->n == 1 ? "" : "es",
		found->pids + strlen(", "), found->n > MAX_NAMED ? ", ..." : "",
		process->is_libvirt ? "; in its domain XML: " ISOLATION_STATIC_LABEL : "");
}

void check_other_vms(struct audit *audit, const struct audit_process *process)
{
	uint32_t uid = 0;
	struct sharers found = find_sharers(audit, process, &uid);

	if (found.n)
		fail_shared(audit, process, uid, &found);
	else if (audit->is_partial)
		audit_unknown(audit, "other VMs were not looked for: --pid");
	else if (found.n_unknown)
		audit_unknown(audit, "the user ids of %zu other process%s are unknown; see P00",
			found.n_unknown, found.n_unknown == 1 ? "" : "es");
	else if (audit->n_hidden || audit->unseen_directory)
		audit_unknown(audit, "not all processes could be inspected; see H05");
	free(found.pids);
}

/*
 * P22 and P23
 */

static struct audit_namespace first_namespace(const struct audit *audit, const char *link)
{
	struct audit_namespace ns = {.link = tree_link(audit->tree.proc, link)};

	ns.number = ns.link ? 0 : errno;
	return ns;
}

/* The auditor can have namespaces of its own, as its unit has: the first process is the host's. */
static const struct audit_host *host_of(struct audit *audit)
{
	struct audit_host *host = &audit->host;

	if (host->is_read)
		return host;
	host->is_read = true;
	host->network = first_namespace(audit, "1/ns/net");
	host->ipc = first_namespace(audit, "1/ns/ipc");
	host->root_errno = tree_stat_link(&audit->tree, audit->tree.proc, "1/root", &host->root_st)
				   ? 0
				   : errno;
	return host;
}

/* 1: it has the same root directory as the host, 0: it has not, -1: that is not told. */
static int has_host_root(struct audit *audit, const struct audit_process *process)
{
	const struct audit_host *host = host_of(audit);

	if (process->root_errno || host->root_errno)
		return -1;
	return process->root_st.st_dev == host->root_st.st_dev &&
	       process->root_st.st_ino == host->root_st.st_ino;
}

void check_root_directory(struct audit *audit, const struct audit_process *process)
{
	const struct audit_host *host = host_of(audit);

	if (process->root_errno)
		audit_unreadable(audit, process->root_errno, "cannot examine its root directory");
	else if (host->root_errno)
		audit_unknown(audit, "cannot examine the root directory of process 1: %s",
			strerror(host->root_errno));
	else if (has_host_root(audit, process))
		audit_fail(audit, NO_CLASS,
			"its root directory is that of the host: it reaches all files that user "
			"and mode allow");
}

/* As above, of a namespace. */
static int shares(struct audit *audit, const char *kind, const struct audit_namespace *ns,
	const struct audit_namespace *hosts)
{
	cleanup_free char *what = xasprintf("cannot determine its %s namespace", kind);

	if (!ns->link)
		audit_unreadable(audit, ns->number, what);
	else if (!hosts->link)
		audit_unknown(audit, "cannot determine the %s namespace of process 1: %s", kind,
			strerror(hosts->number));
	else
		return strcmp(ns->link, hosts->link) == 0;
	return -1;
}

void check_namespaces(struct audit *audit, const struct audit_process *process)
{
	const struct audit_host *host = host_of(audit);
	/* What --isolate=full leaves it is what its command line needs. */
	bool is_isolated = audit_has_vm_id(audit, process) && has_host_root(audit, process) == 0;

	if (shares(audit, "network", &process->network, &host->network) == 1)
		audit_fail_as(audit, is_isolated ? SEVERITY_INFO : SEVERITY_LOW, NO_CLASS,
			"shares the network namespace of the host: it reaches the services of the "
			"host, and its networks; user networking and TCP ports need that");
	if (shares(audit, "ipc", &process->ipc, &host->ipc) == 1)
		audit_fail(audit, NO_CLASS,
			"shares the ipc namespace of the host: it reaches System V and POSIX "
			"IPC objects of other processes");
}

/*
 * P24
 */

void check_layers(struct audit *audit, const struct audit_process *process)
{
	int64_t fewest = INT64_MAX;

	for (size_t c = 0; c < process->n_classes; c++) {
		int64_t n = audit_class(process, c)->details.seccomp_filters;
		if (n < fewest)
			fewest = n;
	}
	cleanup_free char *count =
		fewest < 0 ? xstrdup("seccomp filters are not counted by this kernel")
			   : xasprintf("%lld seccomp filter%s active", (long long)fewest,
				     fewest == 1 ? " is" : "s are");
	/* Without isolation nothing is to be verified, and P10 tells what there is to tell. */
	if (!audit_has_vm_id(audit, process))
		audit_not_applicable(audit, "%s; it has no id of isolate_ids", count);
	else
		audit_unknown(audit, "%s; Landlock cannot be seen from outside the process", count);
}
