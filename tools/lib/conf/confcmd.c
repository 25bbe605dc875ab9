/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confcmd.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "conf/confkeys.h"
#include "conf/conflint.h"
#include "conf/confvalue.h"
#include "conf/settings.h"
#include "path/absolute.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-priv-conf"

static bool replace(struct edit *e, char **error)
{
	if (e->command->dry_run)
		return true;
	e->command->is_changed = conffile_replace(&e->file, &e->text, error);
	return e->command->is_changed;
}

/* Without the comment at its beginning, which says what the package's file is, and not to edit
 * that. */
static struct conftext without_header(const struct conftext *text)
{
	const char *line = text->bytes, *end;

	while (*line == '#' && (end = strchr(line, '\n')) != NULL)
		line = end + 1;
	size_t header = *line == '\n' ? (size_t)(line + 1 - text->bytes) : 0;
	return conftext_new(text->bytes + header, text->length - header);
}

/* The text of the package's file, for an edit to start from. */
static bool read_vendor(const char *path, struct conftext *text, char **error)
{
	struct conffile vendor;

	if (!conffile_read(VENDOR_CONF, &vendor, error))
		return false;
	if (vendor.fd < 0)
		return error_set(error,
			"neither %s nor " VENDOR_CONF
			" exists; reinstall the package virt-privileges",
			path);
	cleanup_free char *distrust = conffile_distrust(&vendor);
	if (distrust)
		error_set(error, "cannot trust the settings in %s: %s", vendor.path, distrust);
	else
		*text = without_header(&vendor.text);
	conffile_close(&vendor);
	return !distrust;
}

static bool start_from_vendor(struct edit *e, char **error)
{
	struct conftext text = {0};

	if (!read_vendor(e->path, &text, error))
		return false;
	conftext_free(&e->file.text);
	e->file.text = text;
	return true;
}

/* Whether the text to come is what an edit starts from where there is no file. */
static bool is_as_created(const struct edit *e)
{
	cleanup_free char *ignored = NULL;
	struct conftext text = {0};

	if (e->command->config || e->file.fd < 0 || strcmp(e->file.real, e->path) != 0 ||
		!read_vendor(e->path, &text, &ignored))
		return false;
	bool same = text.bytes && text.length == e->text.length &&
		    memcmp(text.bytes, e->text.bytes, text.length) == 0;
	conftext_free(&text);
	return same;
}

/* What takes something away leaves no file where there was none before something was set. */
static bool replace_or_remove(struct edit *e, char **error)
{
	if (e->command->dry_run || !is_as_created(e))
		return replace(e, error);
	e->command->is_changed = e->is_removed = conffile_remove(&e->file, error);
	return e->is_removed;
}

static void say_removed(const struct edit *e)
{
	if (e->is_removed)
		confchange_say(e->command,
			"%s: removed, since nothing is set in it that " VENDOR_CONF " does not set",
			e->path);
}

/* To look at alone: nobody is waited for, and no directory is made. */
static bool read_file(struct edit *e, char **error)
{
	if (!conffile_read(e->path, &e->file, error))
		return false;
	cleanup_free char *distrust = e->file.fd >= 0 ? conffile_distrust(&e->file) : NULL;
	return !distrust ||
	       error_set(error, "cannot trust the settings in %s: %s", e->path, distrust);
}

bool edit_begin(struct edit *e, struct confcmd *command, bool may_create, char **error)
{
	const char *config = command->config;

	*e = (struct edit){.command = command, .file = CONFFILE_NONE};
	if (geteuid() != 0)
		return error_set(
			error, "must be run as root to edit the settings; try: sudo " PROGRAM);
	e->path = absolute_path(config ? config : SETTINGS_ADMIN_FILE, error);
	if (!e->path)
		return false;
	if (!(command->dry_run ? read_file(e, error)
			       : conffile_open(e->path, may_create && !config, &e->file, error)))
		return false;
	if (e->file.fd < 0 && (config || !may_create))
		return error_set(error, "settings file %s does not exist", e->path);
	if (e->file.fd < 0 && !start_from_vendor(e, error))
		return false;
	e->conf = conf_parse(e->file.path, e->file.text.bytes, e->file.text.length, error);
	if (!e->conf)
		return false;
	e->text = conftext_new(e->file.text.bytes, e->file.text.length);
	return true;
}

void edit_end(struct edit *e)
{
	conf_free(e->conf);
	conftext_free(&e->text);
	conffile_close(&e->file);
	free(e->path);
}

/* The parse of what is to be written. Whoever edited it is wrong if there is none. */
static struct conf *parse_result(const struct edit *e, char **error)
{
	cleanup_free char *why = NULL;
	struct conf *conf = conf_parse(e->path, e->text.bytes, e->text.length, &why);

	if (!conf)
		error_set(error, "%s is unchanged: the edited text would be invalid: %s", e->path,
			why);
	return conf;
}

static bool fail_wrong_edit(const struct edit *e, char **error)
{
	return error_set(error,
		"%s is unchanged: the edit would change other settings; please report this, with "
		"the file",
		e->path);
}

static bool is_root_account(const char *value)
{
	return strcmp(value, "root") == 0 ||
	       (value[*value == '+'] && value[strspn(value, "+0")] == '\0');
}

static bool is_root_entry(const struct conf_entry *entry)
{
	return entry && entry->value.type == CONF_STRING && is_root_account(entry->value.string);
}

static void say_what_reads_key(const struct confcmd *command, const char *key)
{
	if (strcmp(key, "clear_emulator_capabilities") != 0) {
		confchange_say_what_reads_it(command);
		return;
	}
	confchange_say(command, "libvirt ignores this setting: QEMU that it starts as root has all "
				"capabilities.");
	confchange_say(command, "Running virtual machines keep their settings.");
}

/* For scripts: the keys that the edit has given another value, or none. */
static void report(
	const struct edit *e, const struct conf *after, const char *const *keys, size_t n_keys)
{
	struct confchange changes[2] = {0};

	for (size_t i = 0; i < n_keys; i++) {
		const struct conf_entry *old = conf_get(e->conf, keys[i]);
		const struct conf_entry *new = conf_get(after, keys[i]);
		changes[i] = (struct confchange){.file = e->path, .key = keys[i]};
		changes[i].line = new ? new->line : old ? old->line : 0;
		changes[i].was = old ? &old->value : NULL;
		changes[i].value = new ? &new->value : NULL;
	}
	confchange_report(e->command, changes, n_keys);
}

static const char *const account_keys[] = {"user", "group"};

static void warn_of_root(void)
{
	warn("QEMU will run as root: a guest that breaks out can access all files of root. "
	     "Started by libvirt, it has all capabilities too; started by virt-priv-run or "
	     "virt-priv-exec, it has none unless clear_emulator_capabilities = 0 is set");
}

/* After a block of revert-to-root, a statement further down has no effect. */
static bool refuse_reverted(const struct edit *e, const char *key, char **error)
{
	struct confblock_place place = confblock_find(&e->file.text, e->conf, CONFBLOCK_ROOT);

	if (place.state == CONFBLOCK_INTACT &&
		(strcmp(key, "user") == 0 || strcmp(key, "group") == 0))
		return error_set(error,
			"%s:%u: user and group are set by revert-to-root; first: " PROGRAM
			" restore-default",
			e->path, place.line);
	return true;
}

/* The value in the file's syntax, new; NULL: the key or the value is refused. */
static char *literal_of(const char *key, const char *word, bool force, char **error)
{
	const struct confkey *known = confkey_find(key);
	const struct confkey *nearest = known ? NULL : confkey_nearest(key);
	cleanup_free char *why = NULL;

	if (!known && !force) {
		error_set(error,
			"%s: unknown setting%s%s%s; to set it anyway, use --force and a VALUE in "
			"the file's syntax",
			key, nearest ? " (did you mean " : "", nearest ? nearest->name : "",
			nearest ? "?)" : "");
		return NULL;
	}
	char *literal = confvalue_from_word(key, known, word, &why);
	if (!literal)
		error_set(error, "%s: cannot be set to \"%s\": %s", key, word, why);
	return literal;
}

/* What can be set, and is likely wrong all the same: an account that is not there yet. */
static void warn_of_findings(const struct edit *e, const char *key)
{
	struct finding *findings;
	size_t n = conflint(&e->text, &findings);

	for (size_t i = 0; i < n; i++)
		if (findings[i].key && strcmp(findings[i].key, key) == 0 &&
			strcmp(findings[i].kind, "duplicate-key") != 0)
			warn("%s:%u:%u: %s: %s", e->path, findings[i].line, findings[i].column, key,
				findings[i].message);
	conflint_free(findings, n);
}

/* Puts the changed file in place, and says so. */
static bool finish_set(
	struct edit *e, const struct conf *after, const char *key, bool force, char **error)
{
	const struct conf_entry *old = conf_get(e->conf, key);
	const struct conf_entry *new = conf_get(after, key);
	cleanup_free char *was = old ? confvalue_show(&old->value) : NULL;
	cleanup_free char *why = NULL;
	cleanup_free char *literal = confvalue_format(&new->value, &why);

	if (old && e->file.fd >= 0 && confedit_is_only_change(e->conf, after, NULL, NULL)) {
		confchange_say_unchanged(
			e->command, "%s:%u: %s = %s", e->path, old->line, key, literal);
		return true;
	}
	if (!replace(e, error))
		return false;
	confchange_say(e->command, "%s:%u: %s = %s (%s, %s%s)", e->path, new->line, key, literal,
		confchange_word(e->command), was ? "was " : "was not set", was ? was : "");
	report(e, after, &key, 1);
	if (is_root_entry(new) && confkey_find(key)->type == CONFKEY_USER)
		warn_of_root();
	/* A name service can hang: what is done is said, and nobody waits for the lock. */
	conffile_unlock(&e->file);
	fflush(stdout);
	if (!force)
		warn_of_findings(e, key);
	say_what_reads_key(e->command, key);
	return true;
}

bool confcmd_set(
	struct confcmd *command, const char *key, const char *word, bool force, char **error)
{
	cleanup_free char *literal = literal_of(key, word, force, error);

	if (!literal)
		return false;
	cleanup_edit struct edit e;
	if (!edit_begin(&e, command, true, error) || !refuse_reverted(&e, key, error))
		return false;
	confedit_set(&e.text, e.conf, key, literal);
	cleanup_conf struct conf *after = parse_result(&e, error);
	if (!after)
		return false;
	if (!confedit_is_only_change(e.conf, after, key, literal))
		return fail_wrong_edit(&e, error);
	return finish_set(&e, after, key, force, error);
}

bool edit_is_missing(const char *config)
{
	return !config && access(SETTINGS_ADMIN_FILE, F_OK) < 0 && errno == ENOENT &&
	       readlink(SETTINGS_ADMIN_FILE, (char[1]){0}, 1) < 0;
}

bool confcmd_unset(struct confcmd *command, const char *key, char **error)
{
	if (edit_is_missing(command->config)) {
		confchange_say_unchanged(
			command, SETTINGS_ADMIN_FILE " does not exist; %s is not set", key);
		return true;
	}
	cleanup_edit struct edit e;
	if (!edit_begin(&e, command, false, error) || !refuse_reverted(&e, key, error))
		return false;
	size_t n = confedit_unset(&e.text, e.conf, key);
	cleanup_conf struct conf *after = parse_result(&e, error);
	if (!after)
		return false;
	if (!confedit_is_only_change(e.conf, after, key, NULL))
		return fail_wrong_edit(&e, error);
	if (n == 0) {
		confchange_say_unchanged(command, "%s: %s is not set", e.path, key);
		return true;
	}
	const struct conf_entry *old = conf_get(e.conf, key);
	cleanup_free char *was = confvalue_show(&old->value);
	if (!replace_or_remove(&e, error))
		return false;
	confchange_say(command, "%s:%u: %s is not set (%s, was %s%s)", e.path, old->line, key,
		confchange_word(command), was, n > 1 ? ", set more than once" : "");
	say_removed(&e);
	report(&e, after, &key, 1);
	say_what_reads_key(command, key);
	return true;
}

/* Whether the text without the block is, byte for byte, the one that it was put into. */
static bool is_reversible(const struct edit *e, const struct confblock_place *place)
{
	struct conftext back = conftext_new(e->text.bytes, e->text.length);

	if (place->state == CONFBLOCK_INTACT)
		confblock_remove(&back, place);
	bool same = back.length == e->file.text.length &&
		    memcmp(back.bytes, e->file.text.bytes, back.length) == 0;
	conftext_free(&back);
	return same;
}

bool edit_insert_block(struct edit *e, enum confblock which, const char *value, char **error)
{
	cleanup_free char *literal = xasprintf("\"%s\"", value);

	confblock_insert(&e->text, e->conf, which);
	cleanup_conf struct conf *after = parse_result(e, error);
	if (!after)
		return false;
	struct confblock_place place = confblock_find(&e->text, after, which);
	if (!is_reversible(e, &place) || !confedit_has_value(after, "user", literal) ||
		!confedit_has_value(after, "group", literal))
		return fail_wrong_edit(e, error);
	if (!replace(e, error))
		return false;
	confchange_say(e->command, "%s:%u: user = %s and group = %s (%s)", e->path,
		conf_get(after, "user")->line, literal, literal, confchange_word(e->command));
	report(e, after, account_keys, N_ELEMENTS(account_keys));
	return true;
}

bool edit_remove_block(struct edit *e, const struct confblock_place *place, char **error)
{
	confblock_remove(&e->text, place);
	cleanup_conf struct conf *after = parse_result(e, error);
	if (!after)
		return false;
	if (after->n_entries + 2 != e->conf->n_entries)
		return fail_wrong_edit(e, error);
	if (!replace_or_remove(e, error))
		return false;
	report(e, after, account_keys, N_ELEMENTS(account_keys));
	return true;
}

static bool refuse_edited(const struct edit *e, const struct confblock_place *place, char **error)
{
	if (place->state == CONFBLOCK_EDITED)
		return error_set(error,
			"%s:%u: the lines added by revert-to-root were changed; edit them as "
			"needed, and remove the comment on this line",
			e->path, place->line);
	return true;
}

bool confcmd_revert_to_root(struct confcmd *command, char **error)
{
	cleanup_edit struct edit e;

	if (!edit_begin(&e, command, true, error))
		return false;
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_ROOT);
	if (!refuse_edited(&e, &place, error))
		return false;
	const struct conf_entry *user = conf_get(e.conf, "user");
	if (is_root_entry(user) && is_root_entry(conf_get(e.conf, "group"))) {
		confchange_say_unchanged(
			command, "%s:%u: QEMU already runs as root", e.path, user->line);
		return true;
	}
	if (!edit_insert_block(&e, CONFBLOCK_ROOT, "root", error))
		return false;
	warn_of_root();
	confchange_say_what_reads_it(command);
	confchange_say(command, "To undo: " PROGRAM " restore-default");
	return true;
}

/* Who the file has QEMU run as. False: as root. */
static bool say_who_it_is(const struct edit *e, const struct conftext *text)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(e->path, text->bytes, text->length, &error);
	bool good = true;

	for (size_t i = 0; conf && i < N_ELEMENTS(account_keys); i++) {
		const char *key = account_keys[i];
		const struct conf_entry *entry = conf_get(conf, key);
		cleanup_free char *value = entry ? confvalue_show(&entry->value) : NULL;
		if (is_root_entry(entry))
			log_error("%s:%u: %s = \"%s\" was not set by revert-to-root; to remove "
				  "it: " PROGRAM " unset %s",
				e->path, entry->line, key, value, key);
		else if (entry)
			confchange_say(
				e->command, "%s:%u: %s = \"%s\"", e->path, entry->line, key, value);
		else
			confchange_say(e->command, "%s: %s is not set", e->path, key);
		good = good && !is_root_entry(entry);
	}
	conf_free(conf);
	return good;
}

bool confcmd_restore_default(struct confcmd *command, bool *is_root, char **error)
{
	*is_root = false;
	if (edit_is_missing(command->config)) {
		confchange_say_unchanged(
			command, SETTINGS_ADMIN_FILE " does not exist; QEMU does not run as root");
		return true;
	}
	cleanup_edit struct edit e;
	if (!edit_begin(&e, command, false, error))
		return false;
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_ROOT);
	bool is_there = place.state == CONFBLOCK_INTACT;
	if (!refuse_edited(&e, &place, error) ||
		(is_there && !edit_remove_block(&e, &place, error)))
		return false;
	if (is_there)
		confchange_say(command, "%s:%u: lines of revert-to-root removed (%s)", e.path,
			place.line, confchange_word(command));
	else
		confchange_say_unchanged(command, "%s: no lines of revert-to-root", e.path);
	say_removed(&e);
	*is_root = !e.is_removed && !say_who_it_is(&e, &e.text);
	if (is_there)
		confchange_say_what_reads_it(command);
	return true;
}
