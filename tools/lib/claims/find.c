/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/find.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/journal_file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same_boot(const struct journal *journal)
{
	return strcmp(journal->boot, boot_id()) == 0;
}

const char *claims_found_name(enum fileid_found how)
{
	static const char *const names[] = {"found", "copy", "snapshot", "gone", "ended",
		"unmounted", "untold", "ambiguous", "silent", "failed"};

	return names[how];
}

bool claims_find_snapshot(const struct entry *e, struct claims_object *object)
{
	int fd;
	struct stat st;

	/* The others have none, or not within a file system. */
	if (object->how == FILEID_FOUND &&
		strncmp(e->id.filesystem, "btrfs:", strlen("btrfs:")) != 0)
		return false;
	if (fileid_open_snapshot(&e->id, e->path, &fd) != FILEID_SNAPSHOT)
		return false;
	/* One that was put right is no other's business, but for the entry. */
	const char *whose = fstat(fd, &st) == 0 && st.st_uid == e->new_uid
				    ? "which the QEMU user owned when the snapshot was made"
				    : "which the QEMU user does not own";
	char *why = xasprintf(
		"the file at its path is now the copy of a snapshot, %s; the claimed file %s",
		whose,
		object->how == FILEID_GONE    ? "no longer exists"
		: object->how == FILEID_FOUND ? "was found at another path"
					      : "was not found");
	claims_object_free(object);
	*object = (struct claims_object){
		.how = FILEID_SNAPSHOT, .fd = fd, .is_doubtful = true, .why = why};
	return true;
}

/* A device node is made anew at each boot, as an earlier version had it. */
static bool is_earlier_node(const struct journal *journal, const struct entry *e)
{
	return !is_same_boot(journal) && (e->type == 'b' || e->type == 'c') &&
	       fsid_is_of_boot(e->id.filesystem);
}

void claims_find(const struct journal *journal, const struct entry *e, struct claims_object *object)
{
	*object = (struct claims_object){.fd = -1};
	if (is_earlier_node(journal, e)) {
		object->how = FILEID_ENDED;
		object->why = xstrdup("it did not outlast an earlier boot");
		return;
	}
	object->how =
		fileid_open(&e->id, e->path, is_same_boot(journal), &object->fd, &object->why);
	object->is_doubtful = object->how == FILEID_COPY;
	if (object->how == FILEID_GONE || object->how == FILEID_UNMOUNTED ||
		object->how == FILEID_UNTOLD)
		claims_find_snapshot(e, object);
}

void claims_object_free(struct claims_object *object)
{
	if (object->fd >= 0)
		close(object->fd);
	free(object->why);
	*object = (struct claims_object){.fd = -1};
}

char *claims_settle_command(const struct journal *journal, const struct entry *e)
{
	cleanup_free char *path = shell_word(e->path);

	return xasprintf(
		"virt-priv-chown release --name %s --path %s --as-is", journal->name, path);
}

static void say(const struct journal *journal, const struct entry *e)
{
	cleanup_free char *command = claims_settle_command(journal, e);

	log_error(
		"%s: %s; it stays claimed; owner before the claim: %u:%u; to remove the entry and "
		"leave the file as it is: %s",
		e->path, e->kept, e->old_uid, e->old_gid, command);
}

void claims_keep(const struct journal *journal, struct entry *e, char *why)
{
	free(e->kept);
	e->kept = why;
	say(journal, e);
}

void claims_say_kept(const struct journal *journal)
{
	for (size_t i = 0; i < journal->n_entries; i++)
		if (journal->entries[i].kept)
			say(journal, &journal->entries[i]);
}

bool claims_settle(struct journal *journal, const char *path)
{
	cleanup_free char *error = NULL;
	bool found = false;

	for (size_t i = 0; i < journal->n_entries; i++) {
		struct entry *e = &journal->entries[i];
		if (strcmp(e->path, path) != 0)
			continue;
		found = e->done = true;
		info("%s: entry removed, file not changed; owner before the claim: %u:%u", e->path,
			e->old_uid, e->old_gid);
	}
	if (!found) {
		log_error("%s is not claimed by VM '%s'; list the claimed paths: virt-priv-chown "
			  "status",
			path, journal->name);
		return false;
	}
	journal_sweep(journal);
	if (journal->n_entries == 0 ? journal_remove(journal, &error)
				    : journal_write(journal, &error))
		return true;
	log_error("%s", error);
	return false;
}

bool claims_has_ended(const struct journal *journal, const struct entry *e)
{
	return is_earlier_node(journal, e) ||
	       fileid_has_ended(&e->id, e->path, is_same_boot(journal));
}

/* Nothing is looked for, since that can take its time. */
bool claims_have_ended(const struct journal *journal)
{
	if (is_same_boot(journal))
		return false;
	for (size_t i = 0; i < journal->n_entries; i++)
		if (!claims_has_ended(journal, &journal->entries[i]))
			return false;
	return true;
}
