/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/objects.h"

#include "audit/journals.h"
#include "base/array.h"
#include "base/attempt.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/boot.h"
#include "claims/journal.h"
#include "path/look.h"
#include "path/posix_acl.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Deep enough for /dev/disk/by-path and /dev/cpu/0/msr. */
#define DEV_DEPTH 4

/* Beside devices. Directories count by who can write to them. */
static const char *const places[] = {
	"/etc",
	"/etc/group",
	"/etc/gshadow",
	"/etc/libvirt",
	"/etc/libvirt/qemu.conf",
	"/etc/pam.d",
	"/etc/passwd",
	"/etc/shadow",
	"/etc/sudoers",
	"/etc/sudoers.d",
	"/etc/systemd/system",
	"/root",
	"/run/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/run/docker.sock",
	"/run/incus/unix.socket",
	"/run/libvirt/libvirt-sock",
	"/run/libvirt/virtqemud-sock",
	"/run/podman/podman.sock",
	"/usr/bin",
	"/usr/sbin",
	"/var/lib/lxd/unix.socket",
	"/var/snap/lxd/common/lxd/unix.socket",
	"/var/spool/cron",
};

/* Numbers of Documentation/admin-guide/devices.txt in the kernel. */
const char *audit_device_power(const char *path, const struct stat *st)
{
	unsigned major_number = major(st->st_rdev), minor_number = minor(st->st_rdev);

	if (S_ISBLK(st->st_mode))
		return "a disk";
	if (!S_ISCHR(st->st_mode))
		return NULL;
	switch (major_number) {
	case 1:
		if (minor_number == 1 || minor_number == 2)
			return "host memory";
		return minor_number == 4 ? "host I/O ports" : NULL;
	case 10:
		if (minor_number == 223)
			return "injection of input events (uinput)";
		break;
	case 13:
		return "input devices";
	case 21:
		return "a disk (SCSI commands)";
	case 202:
		return "CPU registers";
	default:
		break;
	}
	/* Numbers that the kernel gives out as it goes, of misc devices (10) too. */
	if (strncmp(path, "/dev/nvme", 9) == 0 || strncmp(path, "/dev/ng", 7) == 0 ||
		strncmp(path, "/dev/bsg/", 9) == 0 || strcmp(path, "/dev/mapper/control") == 0)
		return "a disk (passthrough commands)";
	return NULL;
}

bool audit_descriptor_is_harmless(
	const struct audit_process *process, const struct audit_descriptor *d)
{
	uid_t uid = process->n_threads ? process->threads[0].status.uid[PROC_FS] : 0;

	if (!d->has_st)
		return false;
	/* What belongs to its user was given to it; nothing is given to root. */
	return (uid && d->st.st_uid == uid) ||
	       (S_ISCHR(d->st.st_mode) && !audit_device_power(d->target, &d->st));
}

/*
 * What a group can have at most that not everybody has: the bits of the group are an ACL's mask
 * where there is one. A directory is changed by who can write to it; a socket is used by who can.
 */
static int most_of_groups(const struct stat *st)
{
	bool is_written = S_ISDIR(st->st_mode) || S_ISSOCK(st->st_mode);

	return (int)(st->st_mode >> 3 & ~st->st_mode) & (is_written ? W_OK : R_OK | W_OK);
}

static bool wants_acl(const struct stat *st)
{
	return most_of_groups(st) != 0;
}

/* What is not there is not missed. */
static void note_missing(struct audit *audit, int number)
{
	if (number && number != ENOENT && number != ENOTDIR)
		audit->objects_errno = number;
}

/* Takes the ACL. */
static void add_object(struct audit *audit, const char *path, struct look_wanted *found)
{
	if (!found->acl && found->acl_number != ENODATA && found->acl_number != ENOTSUP)
		note_missing(audit, found->acl_number);
	if ((audit->n_objects & (audit->n_objects - 1)) == 0)
		audit->objects = xreallocarray(audit->objects,
			audit->n_objects ? 2 * audit->n_objects : 1, sizeof *audit->objects);
	char *acl = steal_pointer(&found->acl);
	audit->objects[audit->n_objects++] =
		(struct sensitive_object){xstrdup(path), found->st, acl, found->acl_length};
}

static void add_devices(struct audit *audit, int directory, const char *path, unsigned depth);

/* An entry of a directory of devices. */
static void add_entry(struct audit *audit, int directory, const char *parent,
	struct look_wanted *found, unsigned depth)
{
	cleanup_free char *path = xasprintf("%s/%s", parent, found->path);

	if (found->number) {
		note_missing(audit, found->number);
	} else if (S_ISDIR(found->st.st_mode) && depth > 0) {
		cleanup_fd int below = look_open(directory, found->path, O_DIRECTORY | O_NOFOLLOW);
		if (below >= 0)
			add_devices(audit, below, path, depth - 1);
		else
			note_missing(audit, errno);
	} else if (audit_device_power(path, &found->st)) {
		add_object(audit, path, found);
	}
}

static bool is_device_of_group(const struct stat *st)
{
	return (S_ISBLK(st->st_mode) || S_ISCHR(st->st_mode)) && wants_acl(st);
}

static void add_devices(struct audit *audit, int directory, const char *path, unsigned depth)
{
	size_t length = 0, n = 0;
	cleanup_free char *names = look_names(directory, ".", &length);
	cleanup_free struct look_wanted *found = NULL;

	if (!names)
		note_missing(audit, errno);
	for (const char *name = names; name && name < names + length; name += strlen(name) + 1) {
		ARRAY_GROW(found, n);
		found[n++] = (struct look_wanted){.path = name, .flags = AT_SYMLINK_NOFOLLOW};
	}
	look_all(directory, found, n, is_device_of_group);
	for (size_t i = 0; i < n; i++) {
		add_entry(audit, directory, path, &found[i], depth);
		free(found[i].acl);
	}
}

static void add_places(struct audit *audit)
{
	struct look_wanted found[N_ELEMENTS(places)] = {0};

	for (size_t i = 0; i < N_ELEMENTS(places); i++)
		found[i].path = places[i];
	tree_look_all(&audit->tree, found, N_ELEMENTS(places), wants_acl);
	for (size_t i = 0; i < N_ELEMENTS(places); i++) {
		if (found[i].number)
			note_missing(audit, found[i].number);
		else
			add_object(audit, places[i], &found[i]);
	}
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct sensitive_object *)a)->path,
		((const struct sensitive_object *)b)->path);
}

const struct sensitive_object *audit_objects(struct audit *audit, size_t *n)
{
	if (!audit->has_objects) {
		audit->has_objects = true;
		cleanup_fd int devices = tree_open_path(&audit->tree, "/dev", O_PATH | O_DIRECTORY);
		if (devices >= 0)
			add_devices(audit, devices, "/dev", DEV_DEPTH);
		else
			note_missing(audit, errno);
		add_places(audit);
		if (audit->n_objects)
			qsort(audit->objects, audit->n_objects, sizeof *audit->objects, by_path);
	}
	*n = audit->n_objects;
	return audit->objects;
}

int audit_acl_rights(const void *acl, size_t length, unsigned tag, uint32_t id)
{
	struct posix_acl_entry entry;
	size_t at = 0;
	int rights = -1, result;

	while ((result = posix_acl_next(acl, length, &at, &entry)) > 0)
		if (entry.tag == tag && entry.id == id)
			rights = (int)entry.rights;
	return result < 0 || rights < 0 ? -1 : rights & (int)posix_acl_mask(acl, length);
}

int audit_group_rights(const struct sensitive_object *object, gid_t gid)
{
	const struct stat *st = &object->st;
	bool is_owning = st->st_gid == gid;
	int most = most_of_groups(st);
	int by_mode = is_owning ? most : 0;
	int by_acl = -1;

	if (object->acl)
		by_acl = is_owning ? audit_acl_rights(object->acl, object->acl_length,
					     ACL_GROUP_OBJ, (uint32_t)ACL_UNDEFINED_ID)
				   : audit_acl_rights(
					     object->acl, object->acl_length, ACL_GROUP, gid);
	return most & (is_owning && by_acl >= 0 ? by_acl : by_mode | (by_acl > 0 ? by_acl : 0));
}

/* The claimed objects of a journal, each of which is looked for in a child. */
struct claimed_entries {
	struct audit *audit;
	const struct journal *journal;
};

enum { IS_FOUND = 1, IS_UNKNOWN = 2 };

static void ask_claimed(void *context, size_t i, struct attempt_out *out)
{
	const struct claimed_entries *entries = context;
	const struct entry *entry = &entries->journal->entries[i];
	const struct audit_tree *tree = &entries->audit->tree;
	cleanup_free char *error = NULL;
	cleanup_fd int fd = -1;
	struct stat st = {0};
	int found = 0;

	if (tree->root) {
		found = tree_stat(tree, entry->path, &st, 0) && st.st_ino == entry->id.inode
				? IS_FOUND
				: 0;
	} else {
		bool same_boot = strcmp(entries->journal->boot, boot_id()) == 0;
		enum fileid_found result =
			fileid_open(&entry->id, entry->path, same_boot, &fd, &error);
		if (result == FILEID_FAILED || result == FILEID_LATE)
			found = IS_UNKNOWN;
		else if (result == FILEID_FOUND && fstat(fd, &st) == 0)
			found = IS_FOUND;
	}
	attempt_put(out, &found, sizeof found);
	attempt_put(out, &st, sizeof st);
}

static void take_claimed(void *context, size_t i, const struct attempt_answer *answer)
{
	const struct claimed_entries *entries = context;
	struct audit *audit = entries->audit;
	int found = IS_UNKNOWN;
	struct stat st;

	if (answer->length == sizeof found + sizeof st) {
		memcpy(&found, answer->bytes, sizeof found);
		memcpy(&st, (const char *)answer->bytes + sizeof found, sizeof st);
	}
	if (found == IS_UNKNOWN)
		audit->claims_unread = true;
	if (found != IS_FOUND)
		return;
	audit->claimed =
		xreallocarray(audit->claimed, audit->n_claimed + 1, sizeof *audit->claimed);
	audit->claimed[audit->n_claimed++] = (struct claimed_file){
		.dev = st.st_dev, .ino = st.st_ino, .uid = entries->journal->entries[i].new_uid};
}

static void add_claimed(struct audit *audit, const struct journal *journal)
{
	struct claimed_entries entries = {audit, journal};
	struct attempt asked = {.ask = ask_claimed,
		.take = take_claimed,
		.context = &entries,
		.keep = &audit->tree.fd,
		.n_keep = 1};
	cleanup_free char *error = NULL;

	/* Whether a number of a file counts depends on the boot. */
	if (!audit->tree.root && !boot_read(&error))
		audit->claims_unread = true;
	else
		attempt(&asked, journal->n_entries);
}

static void read_claims(struct audit *audit)
{
	const struct audit_journals *journals = audit_journals(audit);

	audit->has_claimed = true;
	audit->claims_unread = journals->number || journals->is_unsafe;
	for (size_t i = 0; i < journals->n; i++) {
		if (journals->all[i].journal)
			add_claimed(audit, journals->all[i].journal);
		else
			audit->claims_unread = true;
	}
}

bool audit_is_claimed(struct audit *audit, const struct stat *st, uid_t uid)
{
	if (!audit->has_claimed)
		read_claims(audit);
	for (size_t i = 0; i < audit->n_claimed; i++) {
		const struct claimed_file *file = &audit->claimed[i];
		if (file->dev == st->st_dev && file->ino == st->st_ino && file->uid == uid)
			return true;
	}
	return false;
}
