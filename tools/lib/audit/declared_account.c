/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The account against what sysusers.d declares, and the command that mends it.
 *
 * rpm's own sysusers.sh, which upstream's and Debian's rpm call in place of systemd-sysusers,
 * creates a user that does not exist at the line that makes it a member of a group, by useradd
 * --system: any uid below 1000, that group as the primary one, and no comment. A uid that is not
 * such a one was chosen by somebody and stays.
 */
#include "audit/audit.h"
#include "audit/check_functions.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>

/* sysusers.d/virt-privileges.conf and virt-privileges-kvm.conf */
#define DECLARED_USER "qemu"
#define DECLARED_GROUP "qemu"
#define DECLARED_ID 107
#define DECLARED_COMMENT "qemu user"
#define KVM_GROUP "kvm"
#define KVM_GID 36

/* login.defs(5): SYS_UID_MAX, from which useradd --system counts down. */
#define SYS_UID_MAX 999

/* A group, and whether the user's database has it. */
struct declared_group {
	const char *name;
	gid_t declared, gid;
	int exists;
};

static bool is_member(const struct tree_account *user, const struct declared_group *group)
{
	for (size_t i = 0; group->exists && i < user->n_groups; i++)
		if (user->groups[i] == group->gid)
			return true;
	return false;
}

static bool is_free_uid(const struct audit_tree *tree, uid_t uid)
{
	cleanup_free char *spec = xasprintf("+%u", uid);
	struct tree_account holder;
	bool is_nobodys = tree_find_user(tree, spec, &holder) == 1 && !holder.name;

	tree_account_free(&holder);
	return is_nobodys;
}

static bool is_free_gid(const struct audit_tree *tree, gid_t gid)
{
	cleanup_free char *named = tree_group_name(tree, gid);
	cleanup_free char *number = xasprintf("%u", gid);

	return strcmp(named, number) == 0;
}

/* What creates the group where there is none, in front of a command that needs it. New. */
static char *create_group(const struct audit_tree *tree, const struct declared_group *group)
{
	cleanup_free char *gid = is_free_gid(tree, group->declared)
					 ? xasprintf(" -g %u", group->declared)
					 : xstrdup("");

	return group->exists ? xstrdup("") : xasprintf("groupadd -r%s %s && ", gid, group->name);
}

/*
 * The one command that makes the account what is declared, new. Files of a uid that is given up
 * belong to the next account that gets it: they go with it.
 */
static char *mending(const struct audit *audit, const struct declared_group *own,
	const struct declared_group *kvm)
{
	const struct tree_account *user = &audit->user;
	bool is_own = own->exists && user->gid == own->gid;
	bool is_moved = !is_own && user->uid != DECLARED_ID && user->uid <= SYS_UID_MAX &&
			is_free_uid(&audit->tree, DECLARED_ID);
	cleanup_free char *create_own = create_group(&audit->tree, own);
	cleanup_free char *create_kvm = create_group(&audit->tree, kvm);
	cleanup_free char *number = is_moved ? xasprintf(" -u %u", DECLARED_ID) : xstrdup("");
	cleanup_free char *files = is_moved ? xasprintf(" && find / -xdev -uid %u -execdir chown "
							"-h " DECLARED_USER " {} +",
						      user->uid)
					    : xstrdup("");

	return xasprintf("%s%susermod%s%s%s%s " DECLARED_USER "%s", create_own, create_kvm, number,
		is_own ? "" : " -g " DECLARED_GROUP, " -a -G " KVM_GROUP,
		is_own || *user->comment ? "" : " -c '" DECLARED_COMMENT "'", files);
}

static void judge(struct audit *audit)
{
	const struct tree_account *user = &audit->user;
	struct declared_group own = {.name = DECLARED_GROUP, .declared = DECLARED_ID};
	struct declared_group kvm = {.name = KVM_GROUP, .declared = KVM_GID};

	tree_find_groups(&audit->tree, &audit->user);
	own.exists = tree_find_group(&audit->tree, own.name, &own.gid);
	kvm.exists = tree_find_group(&audit->tree, kvm.name, &kvm.gid);
	if (own.exists < 0 || kvm.exists < 0) {
		audit_unknown(audit, "cannot look up group %s in the account database",
			own.exists < 0 ? own.name : kvm.name);
		return;
	}
	cleanup_free char *command = mending(audit, &own, &kvm);
	if (!own.exists || user->gid != own.gid) {
		cleanup_free char *primary = tree_group_name(&audit->tree, user->gid);
		cleanup_free char *wanted =
			own.exists ? tree_group_name(&audit->tree, own.gid)
				   : xstrdup(DECLARED_GROUP ", which does not exist");
		audit_fail(audit, NO_CLASS,
			"user " DECLARED_USER " (%u) has the primary group %s instead of %s; stop "
			"its VMs, and run: %s",
			user->uid, primary, wanted, command);
	} else if (!is_member(user, &kvm)) {
		audit_fail_as(audit, SEVERITY_LOW, NO_CLASS,
			"user " DECLARED_USER " is not a member of group " KVM_GROUP
			"; to add it: %s",
			command);
	}
}

void check_declared_account(struct audit *audit)
{
	const char *user = audit->settings.user.value;
	int is_local;

	if (audit->settings_errno) {
		audit_unreadable(audit, audit->settings_errno, "cannot read the settings");
		return;
	}
	if (audit->has_user < 0) {
		audit_unknown(audit, "cannot look up %s in the account database", user);
		return;
	}
	if (!audit->user.name || strcmp(audit->user.name, DECLARED_USER) != 0) {
		if (strcmp(user, DECLARED_USER) == 0)
			audit_unknown(audit, "user " DECLARED_USER " does not exist; see H03");
		else
			audit_not_applicable(audit, "qemu.conf names another user, %s", user);
		return;
	}
	is_local = tree_user_is_local(&audit->tree, DECLARED_USER);
	if (is_local < 0)
		audit_unreadable(audit, errno, "cannot read /etc/passwd");
	else if (!is_local)
		audit_not_applicable(audit,
			"user " DECLARED_USER " is not one of /etc/passwd, but of another name "
			"service, and is used as it is");
	else
		judge(audit);
}
