/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who can write to a file or a directory. Every tool that is about to believe what a file
 * says, or that what lies in a directory was put there by its owner, asks here.
 *
 * Besides root, an object can be changed by
 * - its owner, whatever its mode: the owner can change that (chmod(2));
 * - its group and everybody, as far as the mode says so;
 * - with a POSIX ACL (acl(5)): each user and group that an entry names, and the group itself,
 *   by its own entry, as far as the mask lets them. The group bits of the mode are then the
 *   mask and say nothing of the group, so a mode that shows g+w with group 0 is no
 *   promise (posix_acl_permission() in the kernel's fs/posix_acl.c);
 * - with an NFSv4 ACL: whom an entry names, which the mode does not show.
 * What can't be read is never taken for good.
 *
 * Root's own are uid 0 and the group 0, whoever is a member of that: distributions have
 * directories of mode 0775 root:root. What steers root is held to more, which the verdict
 * TRUST_GROUP_ROOT is for; what is enough for what, the rules below say. A group that is private to
 * the owner (private_group.h) is the owner.
 *
 * The write bit alone counts, though a directory is changed by who may search it too: one
 * that may not yet may be granted that by somebody who thinks of reading. What a rule
 * takes from somebody (an entry without rights before the group's) is not looked at.
 */
#pragma once

#include "path/posix_acl.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/* In the order of what is worse. */
enum trust_writer {
	TRUST_OWNERS,	  /* root and the owner that is meant, nobody else */
	TRUST_GROUP_ROOT, /* these, and members of the group 0 */
	TRUST_OTHERS,	  /* somebody else */
	TRUST_UNKNOWN	  /* that can't be told */
};

/* All that the answer depends on. Zeroed, it was not read, and the answer is TRUST_UNKNOWN. */
struct trust_facts {
	bool is_read, has_acl;
	const char *prefix; /* "default:" before entries of a default ACL */
	uid_t uid;
	gid_t gid;
	mode_t mode;
	int number; /* of errno: why the ACL can't be read; 0 */
	/* Entries that let somebody write, the mask applied; those of the mode without an ACL. */
	struct posix_acl_entry *grants;
	size_t n_grants;
	char *foreign; /* whom an NFSv4 ACL lets write; NULL: nobody */
};

/* Reads the facts of an object that stat(2) was asked for; fd may be O_PATH. */
struct trust_facts trust_read(int fd, const struct stat *st);

/*
 * The same of what is made in a directory: its default ACL, which new files and directories get,
 * whatever the umask. Files that root makes itself with a mode without g+w have a mask
 * that lets nobody write, but what comes later (chmod(1), an editor) can have another.
 */
struct trust_facts trust_read_default(int fd, const struct stat *st);

void trust_free(struct trust_facts *facts);

struct trust_report {
	bool is_owner; /* the owner is neither root nor the one that is meant */
	/*
	 * Others are let in by an entry, or that can't be told. Of a directory with the sticky
	 * bit whose owner is root or is meant (adds_only), they may add to it, but not
	 * rename or remove what somebody else owns there (__check_sticky() in fs/namei.c).
	 */
	bool is_shared, adds_only;
	/* The worst entry; its tag is 0 where there is none. It is one of the mode, or of an ACL.
	 */
	struct posix_acl_entry entry;
	bool by_mode;
};

/*
 * Who can write to it, beside root and owner, the user who is meant to (0: root alone).
 * *report says by what; it may be NULL. Pure, but for private_group().
 */
enum trust_writer trust_judge(
	const struct trust_facts *facts, uid_t owner, struct trust_report *report);

/* What somebody is about to do who asks, and so what is good enough. */
enum trust_rule {
	/*
	 * Root does what the object says, or keeps in it what steers root: nobody but root and the
	 * owner may write to it. Members of the group 0 may not.
	 */
	TRUST_STEERS,
	/*
	 * What the owner has in the directory counts as put there by that owner or by root.
	 * Members of the group 0 count as root, as distributions have it. A sticky bit does not
	 * help: whoever may add to a directory can move, or link, a file of somebody else's there.
	 */
	TRUST_PLACED,
	/*
	 * Nobody else can rename or remove what the owner has in the directory: as TRUST_PLACED,
	 * or it has the sticky bit, and is root's or the owner's. This is also as good as
	 * TRUST_PLACED for a directory of root's: nobody but its owner can have moved that
	 * (rename(2) changes its "..", which takes write permission), and none can be linked.
	 */
	TRUST_STAYS,
	/*
	 * Root takes away an object of root's from the directory: whoever could have put it there
	 * could have taken it away as well. That is root or the owner, not the group 0, or
	 * anybody where the directory is root's and sticky.
	 */
	TRUST_REPLACES,
};

/* Whether that may be done. owner and *report are those of trust_judge(). */
bool trust_allows(enum trust_rule rule, const struct trust_facts *facts, uid_t owner,
	struct trust_report *report);

/*
 * What makes it so, for a message: "user alice may write by its ACL (user:6001:rwx)", "mode
 * 0664 makes it writable by users other than root", "it is owned by uid 6001, not root". name
 * is that of the entry's user or group; NULL: it is looked up in the local files. New.
 */
char *trust_explain(
	const struct trust_facts *facts, const struct trust_report *report, const char *name);

/*
 * The command that leaves path to root (owner: 0) or to its owner: "setfacl -x u:6001 /srv/vms".
 * New; NULL: there is none. A directory that is sticky is mostly shared on purpose.
 */
char *trust_help(const struct trust_facts *facts, uid_t owner, const char *path);
