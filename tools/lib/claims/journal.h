/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is held for a virtual machine: its journal, and in it an entry for each object, which says
 * what the object is and what it was before the first change. On disk it is one file per VM:
 * journal_file.h reads and writes it, under the lock of journal_lock.h.
 */
#pragma once

#include "claims/boot.h"
#include "claims/ownable_record.h"
#include "path/fileid.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum entry_kind {
	ENTRY_OWNER, /* the object belongs to the QEMU user while it is held */
	ENTRY_GRANT, /* an ACL entry lets the QEMU user read or search it */
};

struct entry {
	enum entry_kind kind;
	char *path;
	char type; /* 'f' regular file, 'b' block device, 'c' character device, 'd' directory */
	struct fileid id;
	dev_t rdev; /* of a device node, which device it is; 0: written by an older version */
	/* As it was before the first change. */
	uid_t old_uid;
	gid_t old_gid;
	mode_t mode; /* permission bits */
	/* ENTRY_OWNER: whom it belongs to now; ENTRY_GRANT: who got access. */
	uid_t new_uid;
	gid_t new_gid;
	/* libvirt's attributes are kept too, and said so many holders before. */
	bool attributes;
	unsigned refs_before;
	unsigned releasing; /* holders after a release that was begun; 0: none was */
	/* ENTRY_GRANT: the ACL before the first grant and after this one, as acl_to_text(3). */
	char *acl_before, *acl_after;
	char *kept; /* why the last release left it claimed; NULL: none did, or it is not known */
	/* ENTRY_OWNER: what its owner could have changed; nothing in entries of earlier versions.
	 */
	struct ownable ownable;
	/* Of this run, not on disk: what was changed, or need not be kept any more. */
	bool changed, done;
	unsigned line;	/* of its journal's file, where it begins; 0: it was not read there */
	bool unwritten; /* its attributes could not be written */
	bool is_void;	/* it has attributes of this boot that nobody stands behind */
	bool busy;	/* somebody has a lock or a lease on it (lockwait.h) */
	bool refused;	/* its file system has refused to change its owner */
	bool stays;	/* and so it stays its owner's: new_uid and new_gid are his */
};

struct journal {
	char *name; /* of the VM */
	char boot[BOOT_ID_LENGTH + 1];
	long long boot_time; /* as it was written to libvirt's attributes */
	pid_t holder;	     /* 0: held until it is released, or the next boot */
	unsigned long long holder_start;
	/* The pid namespace that it was named in (pid_namespaces(7)), by its inode; 0: not known.
	 */
	unsigned long long holder_namespace;
	bool settled; /* all changes were made; else it was interrupted */
	struct entry *entries;
	size_t n_entries;
	struct journal_by_inode *by_inode; /* of journal_find(); NULL: of few entries */
	/* How much of its file says this; 0: none, or what it says is not known. */
	size_t size;
};

/* Whether name can be the name of a VM: [A-Za-z0-9_][A-Za-z0-9_.-]{0,63}. */
bool journal_is_name(const char *name);

/*
 * A journal without entries, of this boot; journal_free() ends it. NULL and a new message on
 * failure.
 */
struct journal *journal_new(const char *name, char **error);
void journal_free(struct journal *journal);
/* The same of an array of them, and the array. */
void journal_free_all(struct journal **all, size_t n);

/*
 * A new entry at the end, zeroed; the others may have moved. Its id is set before journal_find() is
 * asked, and stays.
 */
struct entry *journal_add(struct journal *journal);
/* Takes the last entry out. */
void journal_drop_last(struct journal *journal);
/* Takes out what is done. */
void journal_sweep(struct journal *journal);

/* The next entry behind after (NULL: the first one) that has the object; NULL: there is none. */
const struct entry *journal_find(
	const struct journal *journal, const struct fileid *id, const struct entry *after);
