/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a user or group setting means.
 *
 * As libvirt's virGetUserID() and virGetGroupID(): a name is looked up first,
 * then a decimal number counts; a leading "+" forces the number. Unlike there,
 * an error of the account database is an error and never "no such user": a
 * host whose directory server hangs must not run QEMU as somebody else.
 *
 * origin is the place that asked, for messages: "/etc/libvirt/qemu.conf:12: user"
 * or "--user". What fails returns false and a new message in *error.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Who a process is to be, or a file is to belong to. identity_free() releases what it holds. */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* supplementary ones, ascending and each once */
	size_t n_groups;
	char *user, *group;	     /* the names, else the numbers */
	bool has_account, has_group; /* user and group are names */
	char *home, *shell;	     /* of the account; NULL without one */
	bool is_lent;		     /* for a while: nothing is to be granted to it by its number */
	bool has_no_caps;	     /* of root: permissions of files count, as for anybody */
};

void identity_free(struct identity *identity);
struct identity identity_copy(const struct identity *identity);
/* That of an isolated VM: an id, and the gid of the same number, which have no account. */
struct identity identity_lent(uid_t id);

/* "USER:GROUP", new, in which a bare number is one also where an account has it as its name. */
char *identity_label(const struct identity *identity);

/*
 * All of it, from a user and a group as in qemu.conf; supplementary groups are the account's.
 * origin: the file that they stand in.
 */
bool ids_identity(const char *user, const char *group, const char *origin,
	struct identity *identity, char **error);

/* The same part by part. First the user; of an account, with its primary group's gid. */
bool ids_user(const char *spec, const char *origin, struct identity *identity, char **error);
/* The group. */
bool ids_group(const char *spec, const char *origin, struct identity *identity, char **error);
/* The supplementary groups: those of getgrouplist(3), gid included; none without an account. */
bool ids_groups(struct identity *identity, char **error);
/* Or those of a comma-separated list; "" is none. */
bool ids_group_list(const char *list, const char *origin, struct identity *identity, char **error);

/*
 * The name that /etc/passwd or /etc/group has for an id, else its digits, new: for messages
 * that must not wait for a name service.
 */
char *ids_local_user(uid_t uid);
char *ids_local_group(gid_t gid);
