/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who a user or group setting means.
 *
 * As libvirt's virGetUserID() and virGetGroupID(): a name is looked up first,
 * then a decimal number counts; a leading "+" forces the number. Unlike there,
 * an error of the account database is an error and never "no such user": a
 * host whose directory server hangs must not run QEMU as somebody else.
 *
 * Every function ends the program with a message when it can't answer. origin
 * is the place that asked, for that message: "/etc/libvirt/qemu.conf:12: user"
 * or "--user".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct account {
	uid_t uid;
	char *name;  /* NULL: a bare number without an account */
	gid_t gid;   /* the account's primary group; only with a name */
	char *home;  /* only with a name */
	char *shell; /* only with a name */
};

void ids_user(const char *spec, const char *origin, struct account *account);
void account_free(struct account *account);

/* Returns the gid, and in *name a new string, NULL for a number without a group. */
gid_t ids_group(const char *spec, const char *origin, char **name);

/*
 * The group ids to set for the account with gid as the primary one: those of
 * getgrouplist(3), gid included, ascending and each once; none for a bare
 * number without an account. *groups is new.
 */
size_t ids_groups_of(const struct account *account, gid_t gid, gid_t **groups);

/*
 * The name that /etc/passwd or /etc/group has for an id, else its digits, new: for messages
 * that must not wait for a name service.
 */
char *ids_local_user(uid_t uid);
char *ids_local_group(gid_t gid);

/* The groups of a comma-separated list, ascending and each once; "" is none. */
size_t ids_group_list(const char *list, const char *origin, gid_t **groups);
