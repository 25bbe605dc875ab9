/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/status_report.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_damage.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/libvirt_xattr.h"
#include "claims/probe.h"
#include "claims/runtime_ids.h"
#include "path/open_files.h"
#include "path/safepath.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* More than what is printed of ten thousand disks. */
#define OUTPUT_SIZE ((size_t)16 << 20)

static const char *state_name(enum libvirt_xattr_state state)
{
	static const char *const names[] = {
		"none", "partial", "current", "stale", "unsupported", "malformed"};

	return names[state];
}

static const char *holder_state(const struct journal *journal)
{
	if (strcmp(journal->boot, boot_id()) != 0)
		return "earlier boot";
	if (!journal->holder)
		return "held";
	cleanup_free char *error = NULL;
	enum claims_hold hold = claims_hold(journal, &error);
	if (hold == CLAIMS_UNKNOWN)
		log_error("%s", error);
	return hold == CLAIMS_HELD	  ? "running"
	       : hold == CLAIMS_ABANDONED ? "holder ended"
					  : "unknown";
}

/* What is reported. */
struct status {
	struct journal **all;
	size_t n;
	bool all_read;
	struct journal_damage *damaged;
	size_t n_damaged;
	struct runtime_id *ids;
	size_t n_ids;
};

/* What a path is now. */
struct file {
	char *error;
	struct safepath walk;
	struct libvirt_xattr remembered;
	const char *held_by; /* within the journals */
};

static void examine(const char *path, struct journal *const *all, size_t n, struct file *file)
{
	cleanup_free char *error = NULL;
	struct fileid id;

	*file = (struct file){0};
	if (!safepath_open(path, &file->walk, &file->error))
		return;
	/* Where nobody goes by them, it does not matter what they say. */
	if (libvirt_xattr_counts(file->walk.fd, &file->walk.st) != 1)
		file->remembered.state = LIBVIRT_XATTR_UNSUPPORTED;
	else if (S_ISREG(file->walk.st.st_mode))
		libvirt_xattr_read(file->walk.fd, &file->remembered);
	if (!fileid_of(file->walk.fd, &id, &error))
		return;
	for (size_t j = 0; j < n; j++)
		for (size_t i = 0; i < all[j]->n_entries; i++)
			if (fileid_equal(&all[j]->entries[i].id, &id) &&
				!claims_has_ended(all[j], &all[j]->entries[i]))
				file->held_by = all[j]->name;
}

static void release(struct file *file)
{
	safepath_close(&file->walk);
	free(file->error);
}

static bool has_owner(const struct libvirt_xattr *r)
{
	return r->state == LIBVIRT_XATTR_CURRENT || r->state == LIBVIRT_XATTR_STALE;
}

static struct libscols_table *new_table(const char *const *columns, size_t n)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		die_out_of_memory();
	/* Its cells are printable ASCII, which would be changed, not shown: see shell_word_ascii().
	 */
	scols_table_enable_noencoding(table, 1);
	for (size_t i = 0; i < n; i++)
		scols_table_new_column(table, columns[i], 0, 0);
	return table;
}

static void print_table(struct libscols_table *table)
{
	scols_print_table(table);
	scols_unref_table(table);
}

/* Fills the next cell; takes a new text. */
static void cell(struct libscols_line *line, size_t column, char *text)
{
	cleanup_free char *raw = text;
	cleanup_free char *safe = log_escape(raw);

	if (!line || scols_line_set_data(line, column, safe) != 0)
		die_out_of_memory();
}

/* Why an entry stays if it is released now, or has stayed at the last release; new, or NULL. */
static char *why_kept(const struct entry *e, const struct claims_object *object)
{
	bool is_well = object->how == FILEID_FOUND || object->how == FILEID_ENDED ||
		       object->how == FILEID_GONE;
	if (is_well)
		return e->kept ? xasprintf("at the last release: %s", e->kept) : NULL;
	/* What was done is more than what can be. */
	return xstrdup(object->is_doubtful && e->kept ? e->kept : object->why);
}

/* What can't be decided, and the command that settles it. */
static void report_kept(const struct journal *journal)
{
	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		struct claims_object object;
		claims_find(journal, e, &object);
		cleanup_free char *why = why_kept(e, &object);
		claims_object_free(&object);
		if (!why)
			continue;
		cleanup_free char *command = claims_settle_command(journal, e);
		cleanup_free char *text =
			xasprintf("%s: %s: %s; to remove the entry and leave the file as it is: %s",
				journal->name, e->path, why, command);
		cleanup_free char *safe = log_escape(text);
		puts(safe);
	}
}

static void print_claims(struct journal *const *all, size_t n)
{
	static const char *const columns[] = {
		"VM", "STATE", "KIND", "OWNER", "MODE", "NOW", "PATH"};

	if (n == 0)
		return;
	struct libscols_table *table = new_table(columns, N_ELEMENTS(columns));
	for (size_t j = 0; j < n; j++) {
		const char *state = holder_state(all[j]);
		for (size_t i = 0; i < all[j]->n_entries; i++) {
			const struct entry *e = &all[j]->entries[i];
			struct libscols_line *line = scols_table_new_line(table, NULL);
			cell(line, 0, xstrdup(all[j]->name));
			cell(line, 1, xstrdup(state));
			cell(line, 2, xstrdup(e->kind == ENTRY_OWNER ? "owner" : "grant"));
			cell(line, 3, xasprintf("%u:%u", e->old_uid, e->old_gid));
			cell(line, 4, xasprintf("%04o", e->mode));
			cell(line, 5, xasprintf("%u:%u", e->new_uid, e->new_gid));
			cell(line, 6, shell_word_ascii(e->path));
		}
	}
	print_table(table);
	for (size_t j = 0; j < n; j++)
		report_kept(all[j]);
}

static void file_line(struct libscols_table *table, const char *path, const struct file *file)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	const struct libvirt_xattr *r = &file->remembered;
	const struct stat *st = &file->walk.st;

	cell(line, 0, file->error ? xstrdup("-") : xasprintf("%u:%u", st->st_uid, st->st_gid));
	cell(line, 1, file->error ? xstrdup("-") : xasprintf("%04o", st->st_mode & 07777));
	cell(line, 2, xstrdup(file->held_by ? file->held_by : "-"));
	cell(line, 3,
		has_owner(r) ? xasprintf("%s, %u", state_name(r->state), r->refs)
			     : xstrdup(state_name(r->state)));
	cell(line, 4, has_owner(r) ? xasprintf("%u:%u", r->uid, r->gid) : xstrdup("-"));
	cell(line, 5, shell_word_ascii(path));
}

static bool print_files(char *const *paths, size_t n_paths, struct journal *const *all, size_t n)
{
	static const char *const columns[] = {
		"OWNER", "MODE", "HELD BY", "LIBVIRT", "REMEMBERS", "PATH"};
	bool good = true;

	if (n_paths == 0)
		return true;
	struct libscols_table *table = new_table(columns, N_ELEMENTS(columns));
	for (size_t i = 0; i < n_paths; i++) {
		struct file file;
		examine(paths[i], all, n, &file);
		file_line(table, paths[i], &file);
		if (file.error)
			log_error("%s", file.error);
		good = good && !file.error;
		release(&file);
	}
	print_table(table);
	return good;
}

/* A runner that was killed leaves its lock, and its QEMU perhaps, until recover. */
static const char *id_state(const struct runtime_id *id)
{
	return id->is_held ? "running" : "left behind";
}

static void print_isolated(const struct status *s)
{
	if (s->n_ids == 0)
		return;
	struct libscols_table *table =
		new_table((const char *const[]){"ISOLATED VM", "STATE", "UID AND GID"}, 3);
	for (size_t i = 0; i < s->n_ids; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		cell(line, 0, xstrdup(s->ids[i].name));
		cell(line, 1, xstrdup(id_state(&s->ids[i])));
		cell(line, 2, xasprintf("%u", s->ids[i].id));
	}
	print_table(table);
}

static void print_damaged(const struct journal_damage *damaged, size_t n)
{
	if (n == 0)
		return;
	struct libscols_table *table =
		new_table((const char *const[]){"VM", "STATE", "JOURNAL"}, 3);
	for (size_t i = 0; i < n; i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		cleanup_free char *kept = xasprintf("%s/%s", JOURNAL_DIR, damaged[i].name);
		cell(line, 0, shell_word_ascii(damaged[i].name));
		cell(line, 1, xstrdup("damaged"));
		cell(line, 2, shell_word_ascii(kept));
	}
	print_table(table);
}

static void owner_json(const char *key, uid_t uid, gid_t gid)
{
	json_begin_object(key);
	json_integer("uid", uid);
	json_integer("gid", gid);
	json_end_object();
}

static void mode_json(mode_t mode)
{
	cleanup_free char *text = xasprintf("%04o", mode & 07777);

	json_bytes("mode", text);
}

/* What has become of it, and why it stays. */
static void kept_json(const struct journal *journal, const struct entry *e)
{
	struct claims_object object;

	claims_find(journal, e, &object);
	json_bytes("object", claims_found_name(object.how));
	cleanup_free char *why = why_kept(e, &object);
	claims_object_free(&object);
	if (!why)
		return;
	cleanup_free char *command = claims_settle_command(journal, e);
	json_bytes("reason", why);
	json_bytes("settle", command);
}

static void claim_json(const struct journal *journal)
{
	json_begin_object(NULL);
	json_bytes("name", journal->name);
	json_bytes("state", holder_state(journal));
	if (journal->holder)
		json_integer("pid", journal->holder);
	json_begin_array("entries");
	for (size_t i = 0; i < journal->n_entries; i++) {
		const struct entry *e = &journal->entries[i];
		json_begin_object(NULL);
		json_bytes("path", e->path);
		json_bytes("kind", e->kind == ENTRY_OWNER ? "owner" : "grant");
		owner_json("owner", e->old_uid, e->old_gid);
		mode_json(e->mode);
		owner_json("to", e->new_uid, e->new_gid);
		kept_json(journal, e);
		json_end_object();
	}
	json_end_array();
	json_end_object();
}

static bool file_json(const char *path, struct journal *const *all, size_t n)
{
	struct file file;

	examine(path, all, n, &file);
	json_begin_object(NULL);
	json_bytes("path", path);
	if (file.error) {
		json_bytes("error", file.error);
	} else {
		owner_json("owner", file.walk.st.st_uid, file.walk.st.st_gid);
		mode_json(file.walk.st.st_mode);
		json_bytes("held_by", file.held_by);
		json_begin_object("libvirt");
		json_bytes("state", state_name(file.remembered.state));
		if (has_owner(&file.remembered)) {
			owner_json("owner", file.remembered.uid, file.remembered.gid);
			json_integer("refs", file.remembered.refs);
			json_integer("timestamp", file.remembered.time);
		}
		json_end_object();
	}
	json_end_object();
	bool good = !file.error;
	release(&file);
	return good;
}

static void damage_json(const struct journal_damage *damage)
{
	cleanup_free char *command = journal_set_aside_command(damage->name);

	json_begin_object(NULL);
	json_bytes("name", damage->name);
	json_bytes("reason", damage->why);
	json_bytes("settle", command);
	json_end_object();
}

static void isolated_json(const struct status *s)
{
	json_begin_array("isolated");
	for (size_t i = 0; i < s->n_ids; i++) {
		json_begin_object(NULL);
		json_bytes("name", s->ids[i].name);
		json_bytes("state", id_state(&s->ids[i]));
		owner_json("ids", s->ids[i].id, (gid_t)s->ids[i].id);
		json_end_object();
	}
	json_end_array();
}

static bool print_json(const struct status *s, char *const *paths, size_t n_paths)
{
	bool good = true;

	json_begin_object(NULL);
	json_integer("version", 1);
	json_begin_array("claims");
	for (size_t i = 0; i < s->n; i++)
		claim_json(s->all[i]);
	json_end_array();
	isolated_json(s);
	json_begin_array("damaged");
	for (size_t i = 0; i < s->n_damaged; i++)
		damage_json(&s->damaged[i]);
	json_end_array();
	json_begin_array("files");
	for (size_t i = 0; i < n_paths; i++)
		good = file_json(paths[i], s->all, s->n) && good;
	json_end_array();
	json_end_object();
	return good;
}

static bool print_tables(const struct status *s, char *const *paths, size_t n_paths)
{
	print_damaged(s->damaged, s->n_damaged);
	print_claims(s->all, s->n);
	print_isolated(s);
	return print_files(paths, n_paths, s->all, s->n);
}

/* False and a new message: there is no list of the journals, or of the ids. */
static bool read_status(struct status *s, char **error)
{
	/* Where all could be read, none is damaged. */
	return claims_probe_all(&s->all, &s->n, &s->all_read, false, NULL, NULL, error) &&
	       (s->all_read || journal_damage_list(&s->damaged, &s->n_damaged, error)) &&
	       runtime_ids_read(&s->ids, &s->n_ids, error);
}

static void end_status(struct status *s)
{
	journal_damage_free(s->damaged, s->n_damaged);
	journal_free_all(s->all, s->n);
	free(s->ids);
}

bool status_report(char *const *paths, size_t n_paths, bool json)
{
	cleanup_free char *error = NULL;
	struct status s = {0};
	bool reached;

	/* It is printed behind the lock: who reads it can take a while. */
	setvbuf(stdout, xmalloc(OUTPUT_SIZE), _IOFBF, OUTPUT_SIZE);
	if (!read_status(&s, &error)) {
		log_error("%s", error);
		end_status(&s);
		return false;
	}
	reached = json ? print_json(&s, paths, n_paths) : print_tables(&s, paths, n_paths);
	journal_unlock();
	if (json)
		json_finish();
	bool all_read = s.all_read;
	end_status(&s);
	return all_read && reached;
}
