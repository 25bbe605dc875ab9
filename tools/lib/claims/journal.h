/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is held for virtual machines, on disk: one file per VM in JOURNAL_DIR, text
 * that a person can read, written whole and made durable before the first change.
 *
 * A value is escaped: "\xNN" for a backslash, control characters and bytes that are
 * not UTF-8. A file that is not what was written here is never changed or removed.
 */
#pragma once

#include "claims/boot.h"
#include "claims/ownable.h"
#include "path/fileid.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#define JOURNAL_DIR "/var/lib/virt-privileges/claims"

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
	unsigned line;	  /* of its journal's file, where it begins; 0: it was not read there */
	bool unwritten;	  /* its attributes could not be written */
	bool is_void;	  /* it has attributes of this boot that nobody stands behind */
	bool busy;	  /* somebody has a lock or a lease on it (lockwait.h) */
	char *acl_wanted; /* at its release: that of the claim, and what was granted since */
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
	/* How much of its file says this; 0: none, or what it says is not known. */
	size_t size;
};

/* Whether name can be the name of a VM: [A-Za-z0-9_][A-Za-z0-9_.-]{0,63}. */
bool journal_is_name(const char *name);

/*
 * Takes the lock that every reader (exclusive false) and writer holds while it works
 * with journals; it goes with the process, and a child that is forked meanwhile has it too.
 * Makes the directory if there is none. Ends the program if it can't be had.
 */
void journal_lock(bool exclusive);
/* Lets go of it; a child that has it keeps it. */
void journal_unlock(void);

/*
 * Reads the journal of a VM into *out, a new object; NULL if there is none. Returns false
 * and a new message in *error if it can't be read or is not what was written; of a damaged one,
 * the message names the command that settles it.
 */
bool journal_read(const char *name, struct journal **out, char **error);

/*
 * All journals, sorted by name. One that can't be read is reported on standard error and
 * makes *all_read false.
 */
struct journal **journal_read_all(size_t *n, bool *all_read);

/* What lies at the place of a VM's journal. */
struct journal_file {
	enum {
		JOURNAL_NONE,
		JOURNAL_WHOLE,
		JOURNAL_DAMAGED, /* it is there, and is not what was written */
		JOURNAL_FAILED,	 /* it could not be looked at; another try can succeed */
	} state;
	bool is_roots;	       /* nobody else can have written its text */
	char *text;	       /* new; NULL: it is no file, or none of it could be read */
	size_t length;	       /* of the text, which can have NUL bytes */
	struct journal *whole; /* with JOURNAL_WHOLE */
	char *why;	       /* with the last two; new */
};

/* Reads it into *file, which journal_file_free() ends. */
void journal_load(const char *name, struct journal_file *file);
void journal_file_free(struct journal_file *file);

/* The names of VMs that something in JOURNAL_DIR has, sorted and new. Ends the program on errors.
 */
char **journal_names(size_t *n);

/*
 * What can still be read of a damaged journal's text: the entries that are whole, each with its
 * line; and in *partial those that are not, with what of them could be read, kept being the reason.
 * *is_sound says whether the head is whole, and whether the entries are as many as the end of
 * the text says, where it is there. NULL never.
 */
struct journal *journal_salvage(const char *path, const char *text, size_t length,
	struct journal **partial, bool *is_sound);

/*
 * Sets what is at the place of the VM's journal aside, durably, under a name that no VM can have:
 * *aside, new. rest: the journal that takes its place in the same instant; NULL: none. False and
 * *error on failure; then it is where it was, or under both names.
 */
bool journal_set_aside(const char *name, struct journal *rest, char **aside, char **error);

struct journal *journal_new(const char *name);
void journal_free(struct journal *journal);
/* The array of journal_read_all(), and what is in it. */
void journal_free_all(struct journal **all, size_t n);
/* A new entry at the end, zeroed. */
struct entry *journal_add(struct journal *journal);
/* Takes out what is done. */
void journal_sweep(struct journal *journal);

/* Writes it durably. False and *error on failure. */
bool journal_write(struct journal *journal, char **error);
/* Removes it durably; one that does not exist is removed. */
bool journal_remove(const struct journal *journal, char **error);
/*
 * Add a line to the file, which is not made durable: it has to outlast this process, and
 * counts in this boot alone. It says that all changes were made; or of an entry that the file
 * has, that a release is begun which leaves so many holders.
 */
bool journal_settle(struct journal *journal, char **error);
bool journal_announce(struct journal *journal, struct entry *e, unsigned releasing, char **error);

/* Which text a VM's journal has: another one whenever it was written anew. */
struct journal_stamp {
	ino_t inode; /* 0: there is none */
	struct timespec changed;
};
bool journal_stamp(const char *name, struct journal_stamp *stamp);
bool journal_same(const struct journal_stamp *a, const struct journal_stamp *b);

/* For tests: the text of a journal, new; and back. */
char *journal_format(const struct journal *journal);
struct journal *journal_parse(const char *file, const char *text, size_t length, char **error);
