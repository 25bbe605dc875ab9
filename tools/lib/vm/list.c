/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/list.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/resource.h"
#include "claims/holder.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "claims/runtime_dir.h"
#include "claims/runtime_vm.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What is known of one. */
struct row {
	const char *name;
	struct runtime_vm *noted;      /* NULL: nothing is */
	const struct journal *journal; /* NULL: it has no claim */
	enum runtime_vm_state state;
	pid_t pid; /* QEMU's; 0: none */
	struct runtime_object *disks;
	size_t n_disks;
};

struct list {
	struct row *rows;
	size_t n;
	struct journal **journals;
	size_t n_journals;
	bool good;
};

/*
 * Which there are
 */

static const struct journal *find_journal(const struct list *list, const char *name)
{
	for (size_t i = 0; i < list->n_journals; i++)
		if (strcmp(list->journals[i]->name, name) == 0)
			return list->journals[i];
	return NULL;
}

static struct row *add_row(struct list *list, const char *name)
{
	ARRAY_GROW(list->rows, list->n);
	struct row *row = &list->rows[list->n++];
	*row = (struct row){.name = name, .journal = find_journal(list, name)};
	return row;
}

static bool has_text(char *const *texts, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return true;
	return false;
}

static bool claims_path(const struct journal *journal, const char *path)
{
	for (size_t i = 0; journal && i < journal->n_entries; i++)
		if (journal->entries[i].kind == ENTRY_OWNER &&
			strcmp(journal->entries[i].path, path) == 0)
			return true;
	return false;
}

static bool is_claim(const struct runtime_object *disk)
{
	return strcmp(disk->word, resource_action_name(ACTION_CLAIM)) == 0;
}

/* Those of the start, without what was dropped since then, and those that were added. */
static void find_disks(struct row *row)
{
	const struct runtime_vm *noted = row->noted;
	const struct journal *journal = row->journal;

	for (size_t i = 0; noted && i < noted->n_disks; i++) {
		const struct runtime_object *disk = &noted->disks[i];
		bool is_dropped = is_claim(disk) &&
				  has_text(noted->claimed, noted->n_claimed, disk->path) &&
				  !claims_path(journal, disk->path);
		if (!is_dropped)
			runtime_vm_add(&row->disks, &row->n_disks, disk->word, disk->path);
	}
	for (size_t i = 0; journal && i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		bool is_disk = e->kind == ENTRY_OWNER && (e->type == 'f' || e->type == 'b');
		if (is_disk && !(noted && has_text(noted->claimed, noted->n_claimed, e->path)))
			runtime_vm_add(&row->disks, &row->n_disks,
				resource_action_name(ACTION_CLAIM), e->path);
	}
}

/* One that was noted; takes it. */
static void add_noted(struct list *list, struct runtime_vm *noted)
{
	cleanup_free char *error = NULL;
	struct row *row = add_row(list, noted->name);

	row->noted = noted;
	row->state = runtime_vm_state(noted, &error);
	row->pid = row->state == RUNTIME_VM_RUNNING || row->state == RUNTIME_VM_ORPHANED ||
				   row->state == RUNTIME_VM_UNKNOWN
			   ? noted->qemu.pid
			   : 0;
	if (row->state != RUNTIME_VM_UNKNOWN)
		return;
	warn("%s", error);
	list->good = false;
}

static bool read_notes(struct list *list, char **error)
{
	char **names;
	size_t n;
	bool good = runtime_vm_names(&names, &n, error);

	for (size_t i = 0; i < n; i++) {
		struct runtime_vm *noted = NULL;
		cleanup_free char *why = NULL;
		if (!runtime_vm_read(names[i], &noted, &why)) {
			warn("%s", why);
			list->good = false;
		} else if (noted) {
			add_noted(list, noted);
		}
		free(names[i]);
	}
	free(names);
	return good;
}

/*
 * A claim of a VM of which nothing is noted: of an earlier boot, with a process that held it; or of
 * an older version that runs. Others are virt-priv-chown's.
 */
static void add_claim(struct list *list, const struct journal *journal)
{
	cleanup_free char *error = NULL;
	enum claims_hold hold = claims_hold(journal, &error);
	bool is_of_this_boot = strcmp(journal->boot, boot_id()) == 0;
	bool is_taken = runtime_dir_is_taken(journal->name) == 1;

	if (!journal->holder || (is_of_this_boot && !is_taken))
		return;
	struct row *row = add_row(list, journal->name);
	row->pid = hold == CLAIMS_ABANDONED ? 0 : journal->holder;
	row->state = hold == CLAIMS_HELD      ? RUNTIME_VM_RUNNING
		     : hold == CLAIMS_UNKNOWN ? RUNTIME_VM_UNKNOWN
		     : is_taken		      ? RUNTIME_VM_ENDING
					      : RUNTIME_VM_ABANDONED;
	if (hold != CLAIMS_UNKNOWN)
		return;
	warn("%s", error);
	list->good = false;
}

static bool is_listed(const struct list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->rows[i].name, name) == 0)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

/* False and a new message: there is no list. */
static bool read_list(struct list *list, char **error)
{
	bool all_read;

	if (!journal_read_all(&list->journals, &list->n_journals, &all_read, error))
		return false;
	list->good = all_read;
	if (!read_notes(list, error))
		return false;
	for (size_t i = 0; i < list->n_journals; i++)
		if (!is_listed(list, list->journals[i]->name))
			add_claim(list, list->journals[i]);
	for (size_t i = 0; i < list->n; i++)
		find_disks(&list->rows[i]);
	if (list->n)
		qsort(list->rows, list->n, sizeof *list->rows, by_name);
	return true;
}

static void end_list(struct list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct row *row = &list->rows[i];
		for (size_t d = 0; d < row->n_disks; d++) {
			free(row->disks[d].word);
			free(row->disks[d].path);
		}
		free(row->disks);
		runtime_vm_free(row->noted);
	}
	free(list->rows);
	journal_free_all(list->journals, list->n_journals);
}

/*
 * Telling
 */

/* What is noted completely; NULL: nothing is. */
static const struct runtime_vm *known(const struct row *row)
{
	return row->noted && row->noted->is_whole ? row->noted : NULL;
}

static char *since_text(const struct runtime_vm *vm)
{
	time_t time = (time_t)vm->since;
	struct tm local;
	char text[32];

	if (!localtime_r(&time, &local) ||
		strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local) == 0)
		return xstrdup("-");
	return xstrdup(text);
}

/* "claim /srv/a.img", a line for each, escaped; new. */
static char *objects_text(const struct runtime_object *all, size_t n)
{
	char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		cleanup_free char *before = text;
		cleanup_free char *path = log_escape(all[i].path);
		text = xasprintf(
			"%s%s%s %s", before ? before : "", before ? "\n" : "", all[i].word, path);
	}
	return text ? text : xstrdup("-");
}

/* Fills the next cell; takes a new text. */
static void cell(struct libscols_line *line, size_t column, char *text)
{
	cleanup_free char *owned = text;

	if (!line || scols_line_set_data(line, column, owned) != 0)
		die_out_of_memory();
}

static void print_row(struct libscols_table *table, const struct row *row)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const struct runtime_vm *vm = known(row);
	cleanup_free char *user = vm && vm->user ? log_escape(vm->user) : xstrdup("-");
	cleanup_free char *unit = vm && vm->unit ? log_escape(vm->unit) : NULL;

	cell(line, 0, xstrdup(row->name));
	cell(line, 1, xstrdup(runtime_vm_state_name(row->state)));
	cell(line, 2, row->pid ? xasprintf("%d", row->pid) : xstrdup("-"));
	cell(line, 3, xstrdup(user));
	cell(line, 4, xstrdup(vm && vm->isolation ? vm->isolation : "-"));
	cell(line, 5, vm ? since_text(vm) : xstrdup("-"));
	cell(line, 6, xstrdup(unit ? unit : vm && vm->started ? vm->started : "-"));
	cell(line, 7, objects_text(row->disks, row->n_disks));
	cell(line, 8, vm ? objects_text(vm->sockets, vm->n_sockets) : xstrdup("-"));
}

static void print_table(const struct list *list)
{
	static const char *const columns[] = {"NAME", "STATE", "PID", "USER", "ISOLATION", "SINCE",
		"STARTED BY", "DISKS", "SOCKETS"};
	struct libscols_table *table = scols_new_table();

	if (!table)
		die_out_of_memory();
	for (size_t i = 0; i < N_ELEMENTS(columns); i++) {
		struct libscols_column *column =
			scols_table_new_column(table, columns[i], 0, i >= 7 ? SCOLS_FL_WRAP : 0);
		/* A line of each object. */
		if (column && i >= 7 &&
			(scols_column_set_safechars(column, "\n") != 0 ||
				scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
					scols_wrapnl_nextchunk, NULL) != 0))
			die_out_of_memory();
	}
	for (size_t i = 0; i < list->n; i++)
		print_row(table, &list->rows[i]);
	scols_print_table(table);
	scols_unref_table(table);
}

static void objects_json(
	const char *key, const char *word, const struct runtime_object *all, size_t n)
{
	json_begin_array(key);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(NULL);
		json_bytes(word, all[i].word);
		json_bytes("path", all[i].path);
		json_end_object();
	}
	json_end_array();
}

static void row_json(const struct row *row)
{
	const struct runtime_vm *vm = known(row);

	json_begin_object(NULL);
	json_bytes("name", row->name);
	json_bytes("state", runtime_vm_state_name(row->state));
	if (row->pid)
		json_integer("pid", row->pid);
	if (vm) {
		json_integer("runner", vm->runner.pid);
		json_bytes("user", vm->user);
		json_integer("uid", vm->uid);
		json_integer("gid", vm->gid);
		json_bytes("isolation", vm->isolation);
		json_integer("since", vm->since);
		json_bytes("started", vm->started);
		json_bytes("unit", vm->unit);
	}
	objects_json("disks", "action", row->disks, row->n_disks);
	objects_json("sockets", "kind", vm ? vm->sockets : NULL, vm ? vm->n_sockets : 0);
	json_end_object();
}

static void print_json(const struct list *list)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_begin_array("vms");
	for (size_t i = 0; i < list->n; i++)
		row_json(&list->rows[i]);
	json_end_array();
	json_end_object();
	json_finish();
}

bool vm_list(bool json)
{
	cleanup_free char *error = NULL;
	struct list list = {0};

	if (!boot_read(&error) || !journal_lock(false, &error)) {
		log_error("%s", error);
		return false;
	}
	bool good = read_list(&list, &error);
	/* Who reads it can take a while. */
	journal_unlock();
	if (!good)
		log_error("%s", error);
	else if (json)
		print_json(&list);
	else if (list.n)
		print_table(&list);
	good = good && list.good;
	end_list(&list);
	return good;
}
