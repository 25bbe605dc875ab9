/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/confcmd.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "conf/confkeys.h"
#include "conf/conflint.h"
#include "conf/confvalue.h"
#include "conf/settings.h"
#include "path/absolute.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-priv-conf"

/* Whatever goes wrong from now on, memory that runs out included. */
static void say_it_is_made(int status, void *unused)
{
	(void)unused;
	if (status != 0)
		fputs("the file is changed all the same\n", stderr);
}

static void replace(struct conffile *file, const struct conftext *text)
{
	conffile_replace(file, text);
	on_exit(say_it_is_made, NULL);
}

void say(const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		die("out of memory");
	va_end(ap);
	cleanup_free char *line = text;
	cleanup_free char *safe = log_escape(line);
	puts(safe);
}

static struct conf *parse(const struct conffile *file)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(file->path, file->text.bytes, file->text.length, &error);

	if (!conf)
		die("%s", error);
	return conf;
}

static char *absolute(const char *path)
{
	cleanup_free char *error = NULL;
	char *all = absolute_path(path, &error);

	if (!all)
		die("%s", error);
	return all;
}

void edit_begin(struct edit *e, const char *config, bool may_create)
{
	if (geteuid() != 0)
		die("only root can edit the settings; try: sudo " PROGRAM);
	e->path = absolute(config ? config : SETTINGS_ADMIN_FILE);
	conffile_open(e->path, may_create && !config, &e->file);
	if (e->file.fd < 0 && (config || !may_create))
		die("there is no settings file %s", e->path);
	if (e->file.fd < 0) {
		struct conffile vendor;
		if (!conffile_read(VENDOR_CONF, &vendor))
			die("there is no %s, and no " VENDOR_CONF " to start from; install the "
			    "package virt-privileges again",
				e->path);
		cleanup_free char *distrust = conffile_distrust(&vendor);
		if (distrust)
			die("can't trust the settings in %s: %s", vendor.path, distrust);
		conftext_free(&e->file.text);
		e->file.text = conftext_new(vendor.text.bytes, vendor.text.length);
		conffile_close(&vendor);
	}
	e->conf = parse(&e->file);
	e->text = conftext_new(e->file.text.bytes, e->file.text.length);
}

void edit_end(struct edit *e)
{
	conf_free(e->conf);
	conftext_free(&e->text);
	conffile_close(&e->file);
	free(e->path);
}

/* The parse of what is to be written. Whoever edited it is wrong if there is none. */
static struct conf *parse_result(const struct edit *e)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(e->path, e->text.bytes, e->text.length, &error);

	if (!conf)
		die("%s is as it was: an edit of it would not be readable: %s", e->path, error);
	return conf;
}

static _Noreturn void die_wrong_edit(const struct edit *e)
{
	die("%s is as it was: an edit would have changed something else in it; please report "
	    "this, with the file",
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

void say_what_reads_it(void)
{
	puts("libvirt reads it when its daemon starts: systemctl try-restart virtqemud libvirtd\n"
	     "A virtual machine that runs keeps what it was started with.");
}

static void warn_of_root(void)
{
	warn("QEMU runs as root then: who breaks out of a virtual machine has root's files. It "
	     "still has no capability, unless clear_emulator_capabilities = 0 is set too");
}

/* After a block of revert-to-root, a statement further down has no effect. */
static void refuse_reverted(const struct edit *e, const char *key)
{
	struct confblock_place place = confblock_find(&e->file.text, e->conf, CONFBLOCK_ROOT);

	if (place.state == CONFBLOCK_INTACT &&
		(strcmp(key, "user") == 0 || strcmp(key, "group") == 0))
		die("%s:%u: revert-to-root has set user and group; first: " PROGRAM
		    " restore-default",
			e->path, place.line);
}

static const struct confkey *known_key(const char *key, bool force)
{
	const struct confkey *known = confkey_find(key);
	const struct confkey *nearest = known ? NULL : confkey_nearest(key);

	if (!known && !force)
		die("%s: libvirt knows no setting of this name%s%s%s --force sets it all the "
		    "same, to a VALUE in the file's syntax",
			key, nearest ? "; is " : "", nearest ? nearest->name : "",
			nearest ? " meant?" : ";");
	return known;
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

void confchange_set(const char *config, const char *key, const char *word, bool force)
{
	cleanup_free char *error = NULL;
	cleanup_free char *literal = confvalue_from_word(key, known_key(key, force), word, &error);
	struct edit e = {0};

	if (!literal)
		die("%s: can't be set to \"%s\": %s", key, word, error);
	edit_begin(&e, config, true);
	refuse_reverted(&e, key);
	confedit_set(&e.text, e.conf, key, literal);
	struct conf *after = parse_result(&e);
	if (!confedit_is_only_change(e.conf, after, key, literal))
		die_wrong_edit(&e);
	const struct conf_entry *old = conf_get(e.conf, key);
	const struct conf_entry *new = conf_get(after, key);
	cleanup_free char *was = old ? confvalue_show(&old->value) : NULL;
	if (old && e.file.fd >= 0 && confedit_is_only_change(e.conf, after, NULL, NULL)) {
		say("%s:%u: %s = %s already", e.path, old->line, key, literal);
	} else {
		replace(&e.file, &e.text);
		say("%s:%u: %s = %s (%s%s)", e.path, new->line, key, literal,
			was ? "was " : "was not set", was ? was : "");
		if (is_root_entry(new) && confkey_find(key)->type == CONFKEY_USER)
			warn_of_root();
		/* A name service can hang: what is done is said, and nobody waits for the lock. */
		conffile_unlock(&e.file);
		fflush(stdout);
		if (!force)
			warn_of_findings(&e, key);
		say_what_reads_it();
	}
	conf_free(after);
	edit_end(&e);
}

bool edit_is_missing(const char *config)
{
	return !config && access(SETTINGS_ADMIN_FILE, F_OK) < 0 && errno == ENOENT &&
	       readlink(SETTINGS_ADMIN_FILE, (char[1]){0}, 1) < 0;
}

void confchange_unset(const char *config, const char *key)
{
	struct edit e = {0};

	if (edit_is_missing(config)) {
		say("there is no " SETTINGS_ADMIN_FILE " that sets %s", key);
		return;
	}
	edit_begin(&e, config, false);
	refuse_reverted(&e, key);
	size_t n = confedit_unset(&e.text, e.conf, key);
	struct conf *after = parse_result(&e);
	if (!confedit_is_only_change(e.conf, after, key, NULL))
		die_wrong_edit(&e);
	if (n == 0) {
		say("%s: %s is not set", e.path, key);
	} else {
		const struct conf_entry *old = conf_get(e.conf, key);
		cleanup_free char *was = confvalue_show(&old->value);
		replace(&e.file, &e.text);
		say("%s:%u: %s is not set any more (was %s%s)", e.path, old->line, key, was,
			n > 1 ? ", and set more than once" : "");
		say_what_reads_it();
	}
	conf_free(after);
	edit_end(&e);
}

/* Puts a marked block in: taking it away must give the same bytes again. */
void edit_insert_block(struct edit *e, enum confblock which, const char *value)
{
	cleanup_free char *literal = xasprintf("\"%s\"", value);

	confblock_insert(&e->text, e->conf, which);
	struct conf *after = parse_result(e);
	struct confblock_place place = confblock_find(&e->text, after, which);
	struct conftext back = conftext_new(e->text.bytes, e->text.length);
	if (place.state == CONFBLOCK_INTACT)
		confblock_remove(&back, &place);
	if (back.length != e->file.text.length ||
		memcmp(back.bytes, e->file.text.bytes, back.length) != 0 ||
		!confedit_has_value(after, "user", literal) ||
		!confedit_has_value(after, "group", literal))
		die_wrong_edit(e);
	replace(&e->file, &e->text);
	say("%s:%u: user = %s and group = %s", e->path, conf_get(after, "user")->line, literal,
		literal);
	conftext_free(&back);
	conf_free(after);
}

void edit_remove_block(struct edit *e, const struct confblock_place *place)
{
	confblock_remove(&e->text, place);
	struct conf *after = parse_result(e);
	if (after->n_entries + 2 != e->conf->n_entries)
		die_wrong_edit(e);
	conf_free(after);
	replace(&e->file, &e->text);
}

static void refuse_edited(const struct edit *e, const struct confblock_place *place)
{
	if (place->state == CONFBLOCK_EDITED)
		die("%s:%u: the lines that revert-to-root has put there were changed; make of "
		    "them what you want, and remove the comment on this line",
			e->path, place->line);
}

void confchange_revert_to_root(const char *config)
{
	struct edit e = {0};

	edit_begin(&e, config, true);
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_ROOT);
	refuse_edited(&e, &place);
	const struct conf_entry *user = conf_get(e.conf, "user");
	if (is_root_entry(user) && is_root_entry(conf_get(e.conf, "group"))) {
		say("%s:%u: QEMU runs as root already", e.path, user->line);
	} else {
		edit_insert_block(&e, CONFBLOCK_ROOT, "root");
		warn_of_root();
		say_what_reads_it();
		puts("The way back: " PROGRAM " restore-default");
	}
	edit_end(&e);
}

/* Who the file has QEMU run as. False: as root. */
static bool say_who_it_is(const struct edit *e, const struct conftext *text)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(e->path, text->bytes, text->length, &error);
	bool good = true;

	for (size_t i = 0; conf && i < 2; i++) {
		const char *key = i == 0 ? "user" : "group";
		const struct conf_entry *entry = conf_get(conf, key);
		cleanup_free char *value = entry ? confvalue_show(&entry->value) : NULL;
		if (is_root_entry(entry))
			warn("%s:%u: %s = \"%s\" was not set by revert-to-root; to remove "
			     "it: " PROGRAM " unset %s",
				e->path, entry->line, key, value, key);
		else if (entry)
			say("%s:%u: %s = \"%s\"", e->path, entry->line, key, value);
		else
			say("%s: %s is not set", e->path, key);
		good = good && !is_root_entry(entry);
	}
	conf_free(conf);
	return good;
}

bool confchange_restore_default(const char *config)
{
	struct edit e = {0};

	if (edit_is_missing(config)) {
		puts("there is no " SETTINGS_ADMIN_FILE ", so QEMU does not run as root");
		return true;
	}
	edit_begin(&e, config, false);
	struct confblock_place place = confblock_find(&e.text, e.conf, CONFBLOCK_ROOT);
	refuse_edited(&e, &place);
	if (place.state == CONFBLOCK_INTACT) {
		edit_remove_block(&e, &place);
		say("%s:%u: the lines of revert-to-root are gone", e.path, place.line);
	}
	bool good = say_who_it_is(&e, &e.text);
	if (place.state == CONFBLOCK_INTACT)
		say_what_reads_it();
	edit_end(&e);
	return good;
}
