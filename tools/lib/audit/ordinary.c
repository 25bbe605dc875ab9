/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/ordinary.h"

#include "audit/isolation.h"
#include "audit/objects.h"
#include "base/account_power.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/subid.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>

/* What no user is who logs in: systemd's DynamicUser=, "nobody", and no id at all. */
#define DYNAMIC_FIRST 61184
#define DYNAMIC_LAST 65519
#define NOBODY 65534
#define NO_ID 65535

/*
 * What pam_systemd(8) gives the session of every user at the machine
 * (default-capability-ambient-set=): to wake it from sleep.
 */
#define OF_SESSIONS (UINT64_C(1) << CAP_WAKE_ALARM)

/* login.defs(5). */
static uid_t lowest_uid(struct audit *audit)
{
	static const char key[] = "UID_MIN";
	const char *text = tree_read_once(&audit->tree, "/etc/login.defs");
	unsigned long lowest = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, strlen(key)) == 0 && strchr(" \t", line[strlen(key)]))
			lowest = strtoul(line + strlen(key), NULL, 10);
	}
	return lowest && lowest < DYNAMIC_FIRST ? (uid_t)lowest : 1000;
}

/* The account, to be freed, of a user who can log in. */
static bool find_person(struct audit *audit, const char *spec, struct tree_account *account)
{
	if (tree_find_user(&audit->tree, spec, account) == 1 && account->name &&
		account->uid >= lowest_uid(audit) &&
		(account->uid < DYNAMIC_FIRST || account->uid > DYNAMIC_LAST) &&
		account->uid != NOBODY && account->uid != NO_ID &&
		!account_cannot_log_in(account->shell))
		return true;
	tree_account_free(account);
	return false;
}

/* Who has been given the id by a line of /etc/subuid. */
static bool find_subordinate(struct audit *audit, uid_t uid, struct tree_account *account)
{
	const char *text = tree_read_once(&audit->tree, "/etc/subuid");
	struct subid_line line = {0};

	while (text && subid_next(text, &line)) {
		if (uid < line.first || uid - line.first >= line.count ||
			subid_is_reservation(&line))
			continue;
		cleanup_free char *name = xstrndup(line.begin, line.name);
		return find_person(audit, name, account);
	}
	return false;
}

static bool find_user(struct audit *audit, uid_t uid, struct tree_account *account)
{
	cleanup_free char *spec = xasprintf("+%u", uid);

	return find_person(audit, spec, account) || find_subordinate(audit, uid, account);
}

/* The owner of the executable, whoever that is, but not root. */
static bool find_owner(struct audit *audit, const struct audit_process *process, uid_t uid,
	struct tree_account *account)
{
	cleanup_free char *spec = xasprintf("+%u", uid);

	return process->has_exe_st && process->exe_st.st_uid == uid && uid != NOBODY &&
	       uid != NO_ID && tree_find_user(&audit->tree, spec, account) == 1;
}

/* Whether that is an id of the account's, root's never. */
static bool is_of(struct audit *audit, uid_t uid, const struct tree_account *account)
{
	struct tree_account other;

	if (uid == account->uid)
		return true;
	if (uid == 0 || !find_subordinate(audit, uid, &other))
		return false;
	bool is_same = other.uid == account->uid;
	tree_account_free(&other);
	return is_same;
}

static bool is_member(const struct tree_account *account, gid_t gid)
{
	for (size_t i = 0; i < account->n_groups; i++)
		if (account->groups[i] == gid)
			return true;
	return account->name && gid == account->gid;
}

/* Neither a member of the group, nor is that one that gives nothing. */
static bool has_foreign_group(
	struct audit *audit, const struct proc_status *status, const struct tree_account *account)
{
	for (size_t i = 0; i < 4 + status->n_groups; i++) {
		gid_t gid = i < 4 ? status->gid[i] : status->groups[i - 4];
		if (!is_member(account, gid) &&
			(gid == 0 || audit_group_reaches(audit, status->uid[PROC_FS], gid)))
			return true;
	}
	return false;
}

/* Whether no capability of the thread counts on the host (user_namespaces(7)). */
static bool is_without_capabilities(
	struct audit *audit, const struct audit_process *process, uint64_t capabilities)
{
	if (!(capabilities & ~OF_SESSIONS))
		return true;
	const char *own = tree_own_user_ns(&audit->tree);
	return own && process->user_ns && strcmp(own, process->user_ns) != 0;
}

static bool has_no_more(struct audit *audit, const struct audit_process *process,
	const struct tree_account *account)
{
	for (size_t c = 0; c < process->n_classes; c++) {
		const struct proc_status *status = &audit_class(process, c)->status;
		for (int i = 0; i < 4; i++)
			if (!is_of(audit, status->uid[i], account))
				return false;
		uint64_t capabilities = status->permitted | status->effective | status->ambient |
					status->inheritable;
		if (!is_without_capabilities(audit, process, capabilities) ||
			has_foreign_group(audit, status, account))
			return false;
	}
	return true;
}

/* Whom it belongs to, if that is nobody whom VMs of the host run as. */
static bool find_account(
	struct audit *audit, const struct audit_process *process, struct tree_account *account)
{
	uid_t uid = process->n_classes ? audit_class(process, 0)->status.uid[0] : 0;

	if (uid == 0 || process->is_torn || process->is_libvirt ||
		process->named_by == NAMED_BY_RUN || audit_is_vm_id(audit, uid) ||
		audit->has_user < 0 || (audit->has_user == 1 && audit->user.uid == uid))
		return false;
	return find_user(audit, uid, account) || find_owner(audit, process, uid, account);
}

bool audit_is_ordinary(struct audit *audit, const struct audit_process *process)
{
	struct tree_account account;

	if (!find_account(audit, process, &account))
		return false;
	tree_find_groups(&audit->tree, &account);
	bool is_ordinary = has_no_more(audit, process, &account);
	tree_account_free(&account);
	return is_ordinary;
}

bool audit_has_id(struct audit *audit, const struct audit_process *process, uid_t uid)
{
	struct tree_account account;

	if (!find_account(audit, process, &account))
		return false;
	bool has = is_of(audit, uid, &account);
	tree_account_free(&account);
	return has;
}
