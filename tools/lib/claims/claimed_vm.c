/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/claimed_vm.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/process.h"
#include "claims/runtime_ids.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* More than the kernel writes, of a process in a thousand groups. */
#define STATUS_SIZE 16384

/* Whether the VM's process, which outlives virt-priv-run where that is killed, runs as the id. */
static bool holder_has(const struct journal *journal, uid_t id)
{
	cleanup_free char *path = xasprintf("/proc/%d/status", journal->holder);
	cleanup_free char *ignored = NULL;
	struct proc_status status;
	char text[STATUS_SIZE];

	if (!journal->holder || journal->holder_namespace != process_namespace() ||
		io_read_short(AT_FDCWD, path, text, sizeof text) <= 0 ||
		!proc_status_parse(text, &status, &ignored))
		return false;
	bool has = status.uid[PROC_REAL] == id;
	proc_status_free(&status);
	return has;
}

/* 0: it has none. False and a new message: that can't be told. */
static bool find_id(const struct journal *journal, uid_t *id, char **error)
{
	cleanup_free struct runtime_id *ids = NULL;
	size_t n;

	*id = 0;
	if (!runtime_ids_read(&ids, &n, error))
		return false;
	for (size_t i = 0; i < n && !*id; i++)
		if (strcmp(ids[i].name, journal->name) == 0 &&
			(ids[i].is_held || holder_has(journal, ids[i].id)))
			*id = ids[i].id;
	return true;
}

static const struct entry *first_owned(const struct journal *journal)
{
	for (size_t i = 0; i < journal->n_entries; i++)
		if (journal->entries[i].kind == ENTRY_OWNER)
			return &journal->entries[i];
	return NULL;
}

/* The first one that belongs to somebody else; NULL: there is none. */
static const struct entry *find_other(const struct journal *journal, uid_t uid, gid_t gid)
{
	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		if (e->kind == ENTRY_OWNER && (e->new_uid != uid || e->new_gid != gid))
			return e;
	}
	return NULL;
}

void claimed_vm_read(const struct journal *journal, struct claimed_vm *vm)
{
	const struct entry *first = first_owned(journal);

	*vm = (struct claimed_vm){.holder = journal->holder, .holder_start = journal->holder_start};
	if (!find_id(journal, &vm->id, &vm->unclear) || (!vm->id && !first))
		return;
	uid_t uid = vm->id ? vm->id : first->new_uid;
	gid_t gid = vm->id ? (gid_t)vm->id : first->new_gid;
	const struct entry *other = find_other(journal, uid, gid);
	if (!other)
		vm->label = xasprintf("+%u:+%u", uid, gid);
	else if (vm->id)
		vm->unclear = xasprintf("VM '%s' runs with the id %u, but %s was given to %u:%u; "
					"first: virt-priv-chown drop",
			journal->name, uid, other->path, other->new_uid, other->new_gid);
	else
		vm->unclear = xasprintf(
			"VM '%s': cannot determine the owner of a further disk, since %s was given "
			"to %u:%u, and %s to %u:%u; claim all of its disks at once: "
			"virt-priv-chown claim --domain",
			journal->name, first->path, uid, gid, other->path, other->new_uid,
			other->new_gid);
}

void claimed_vm_free(struct claimed_vm *vm)
{
	free(vm->label);
	free(vm->unclear);
	*vm = (struct claimed_vm){0};
}

static bool has_changed(const struct journal *journal, char **error)
{
	return error_set(error,
		"VM '%s': its claim was changed by another process meanwhile; try again",
		journal->name);
}

bool claimed_vm_is(const struct claimed_vm *vm, const struct journal *journal, char **error)
{
	return (journal->holder == vm->holder && journal->holder_start == vm->holder_start) ||
	       has_changed(journal, error);
}

bool claimed_vm_has(const struct journal *journal, uid_t uid, gid_t gid, char **error)
{
	return !find_other(journal, uid, gid) || has_changed(journal, error);
}
