/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "claims/damaged.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/shell_word.h"
#include "claims/find.h"
#include "claims/journal.h"
#include "claims/journal_file.h"
#include "claims/journal_list.h"
#include "claims/journal_lock.h"
#include "claims/journal_parse.h"
#include "claims/libvirt_domains.h"
#include "claims/libvirt_xattr.h"
#include "path/command.h"
#include "path/open_files.h"
#include "path/probe.h"
#include "path/safepath.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What there is at the place of a journal, and what can be read of it. */
struct wreck {
	struct journal_file file;
	struct journal *whole, *partial; /* NULL: nothing can be read */
	bool is_sound;			 /* what is whole can be believed */
	char *in_use; /* of what is not believed: who has it open; NULL: nobody */
};

static void read_wreck(const char *name, struct wreck *wreck)
{
	cleanup_free char *path = xasprintf("%s/%s", JOURNAL_DIR, name);
	struct journal_file *file = &wreck->file;

	*wreck = (struct wreck){0};
	journal_load(name, file);
	if (file->state != JOURNAL_DAMAGED || !file->text)
		return;
	wreck->whole =
		journal_salvage(path, file->text, file->length, &wreck->partial, &wreck->is_sound);
	wreck->is_sound = wreck->is_sound && file->is_roots && wreck->whole->name &&
			  strcmp(wreck->whole->name, name) == 0;
}

static void free_wreck(struct wreck *wreck)
{
	journal_file_free(&wreck->file);
	journal_free(wreck->whole);
	journal_free(wreck->partial);
	free(wreck->in_use);
}

/*
 * Without the lock, so that nobody waits for a file system that does not answer. False and a new
 * message where it can't be had again.
 */
static bool probe_wreck(const struct wreck *wreck, char **error)
{
	const struct journal *parts[] = {wreck->whole, wreck->partial};
	cleanup_free const char **paths = NULL;
	size_t n = 0;

	for (size_t j = 0; j < 2; j++)
		for (size_t i = 0; parts[j] && i < parts[j]->n_entries; i++) {
			paths = xreallocarray(paths, n + 1, sizeof *paths);
			if (parts[j]->entries[i].path)
				paths[n++] = parts[j]->entries[i].path;
		}
	journal_unlock();
	probe(paths, n);
	return journal_lock(true, error);
}

/* One line, in which nothing is what a terminal obeys, or another line. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	cleanup_free char *raw = xvasprintf(format, ap);
	va_end(ap);
	cleanup_free char *safe = log_escape(raw);
	puts(safe);
}

/*
 * The journals that can be read; what there is to say of others is not what is asked for now. False
 * and a new message if they can't be listed.
 */
static bool read_others(struct journal ***out, size_t *n, char **error)
{
	size_t n_names;
	cleanup_free char **names = NULL;

	if (!journal_names(&names, &n_names, error))
		return false;
	struct journal **all = xcalloc(n_names + 1, sizeof *all);
	*n = 0;
	for (size_t i = 0; i < n_names; i++) {
		cleanup_free char *name = names[i];
		struct journal_file file;
		journal_load(name, &file);
		if (file.whole)
			all[(*n)++] = steal_pointer(&file.whole);
		journal_file_free(&file);
	}
	*out = all;
	return true;
}

/* Another VM whose journal has the object; NULL: none. */
static const char *other_holder(
	const char *name, const struct entry *e, struct journal *const *all, size_t n)
{
	for (size_t j = 0; j < n; j++)
		for (size_t i = 0; i < all[j]->n_entries; i++)
			if (strcmp(all[j]->name, name) != 0 &&
				fileid_equal(&all[j]->entries[i].id, &e->id))
				return all[j]->name;
	return NULL;
}

/* Whether the path leads to the object, so that a command with it changes that. */
static bool is_at(const char *path, const struct stat *object)
{
	cleanup_free char *ignored = NULL;
	struct safepath walk;

	const struct stat *st = safepath_open(path, &walk, &ignored) ? &walk.st : NULL;
	bool is = st && st->st_dev == object->st_dev && st->st_ino == object->st_ino;
	safepath_close(&walk);
	return is;
}

/*
 * The commands that make it what it was; what is there now is *st. Those that somebody else may
 * have written are not to be run with the rest. Where others can make the path lead elsewhere,
 * there are none.
 */
static void say_commands(const struct wreck *wreck, const struct entry *e, const struct stat *st)
{
	const char *unless_looked_at = wreck->file.is_roots ? "" : "# ";
	cleanup_free char *path = shell_word(e->path);
	cleanup_free char *as = command_as(e->path);
	bool is_grant = e->kind == ENTRY_GRANT;
	if (!is_grant && st->st_uid == e->old_uid && st->st_gid == e->old_gid &&
		(st->st_mode & 07777) == e->mode)
		say("# is as it was before the claim");
	else if (!as || (!is_grant && *as))
		say("# others than root can replace this path, so there is no command: restore it "
		    "by hand, having checked which file it is");
	else if (is_grant)
		say("%s%ssetfacl -x u:%u %s", unless_looked_at, as, e->new_uid, path);
	else
		say("%schown %u:%u %s && chmod %04o %s", unless_looked_at, e->old_uid, e->old_gid,
			path, e->mode, path);
}

/*
 * What nobody has a claim on any more, another VM can claim: not while its own may run. Of an
 * entry that says no user, anybody counts.
 */
static void look_for_users(struct wreck *wreck, const struct entry *e, const struct stat *st)
{
	pid_t opener = S_ISDIR(st->st_mode) ? 0 : open_files_first(st, e->new_uid);

	if (!opener)
		return;
	cleanup_free char *who = open_files_text(opener);
	say("# %s", who);
	if (!wreck->in_use)
		wreck->in_use = open_files_is_unseen(opener)
					? xasprintf("%s: %s", e->path, who)
					: xasprintf("process %d has %s open", opener, e->path);
}

/* An entry that is whole and not believed: what it says, what is there, and what helps. */
static void say_whole(
	struct wreck *wreck, const struct entry *e, const char *whose, const char *why)
{
	cleanup_free char *path = shell_word(e->path);
	struct claims_object object;
	struct stat st = {0};

	say("# line %u: %s was %u:%u, mode %04o, before the claim, and %s %u:%u; %s", e->line, path,
		e->old_uid, e->old_gid, e->mode,
		e->kind == ENTRY_OWNER ? "became that of" : "was made readable by", e->new_uid,
		e->new_gid, why);
	if (whose) {
		say("# claimed by VM '%s', in another journal", whose);
		return;
	}
	claims_find(wreck->whole, e, &object);
	if (object.fd < 0 || fstat(object.fd, &st) < 0)
		say("# not found: %s", object.why ? object.why : strerror(errno));
	else if (object.how != FILEID_FOUND)
		say("# now: %u:%u, mode %04o; it may be another file: %s", st.st_uid, st.st_gid,
			st.st_mode & 07777, object.why);
	else if (!is_at(e->path, &st))
		say("# now: %u:%u, mode %04o, and no longer at this path", st.st_uid, st.st_gid,
			st.st_mode & 07777);
	else
		say("# now: %u:%u, mode %04o", st.st_uid, st.st_gid, st.st_mode & 07777);
	if (object.fd >= 0)
		look_for_users(wreck, e, &st);
	if (object.how == FILEID_FOUND && is_at(e->path, &st))
		say_commands(wreck, e, &st);
	claims_object_free(&object);
}

/* What is at the path of an entry that is not whole, and whether libvirt's attributes know more. */
static void say_found(struct wreck *wreck, const struct entry *e)
{
	cleanup_free char *why = NULL;
	cleanup_free char *word = shell_word(e->path);
	struct libvirt_xattr r = {0};
	struct safepath walk;

	if (!safepath_open(e->path, &walk, &why)) {
		say("# now: %s", why);
		return;
	}
	say("# now: %u:%u, mode %04o", walk.st.st_uid, walk.st.st_gid, walk.st.st_mode & 07777);
	look_for_users(wreck, e, &walk.st);
	if (S_ISREG(walk.st.st_mode) && libvirt_xattr_counts(walk.fd, &walk.st) == 1)
		libvirt_xattr_read(walk.fd, &r);
	if (r.state == LIBVIRT_XATTR_CURRENT || r.state == LIBVIRT_XATTR_STALE) {
		say("# libvirt's attributes name %u:%u as its owner", r.uid, r.gid);
		say("%svirt-priv-chown recover --libvirt %s", wreck->file.is_roots ? "" : "# ",
			word);
	}
	safepath_close(&walk);
}

/* What can be read of an entry that is not whole. */
static void say_partial(struct wreck *wreck, const struct entry *e)
{
	cleanup_free char *path = e->path ? shell_word(e->path) : NULL;
	cleanup_free char *owner = e->old_uid == (uid_t)-1
					   ? xstrdup("whose owner cannot be read")
					   : xasprintf("that was %u:%u", e->old_uid, e->old_gid);
	cleanup_free char *mode =
		e->mode == (mode_t)-1 ? xstrdup("") : xasprintf(", mode %04o", e->mode);

	say("# line %u: incomplete entry (%s): %s %s%s", e->line, e->kept,
		path ? path : "a path that cannot be read,", owner, mode);
	if (e->path)
		say_found(wreck, e);
}

/*
 * Why an entry is not given back by itself; NULL: it is. Of what libvirt may hold as well, the
 * journal's last lines say how many holders it has.
 */
static const char *why_not_believed(
	const struct wreck *wreck, const struct entry *e, const char *whose)
{
	bool same_boot = strcmp(wreck->whole->boot, boot_id()) == 0;

	if (!wreck->file.is_roots)
		return "others could have written the journal; check first";
	if (!wreck->is_sound)
		return "the header or the number of entries of the journal is wrong; check first";
	if (whose)
		return "it is not released";
	if (same_boot && e->attributes && libvirt_domains_exist())
		return "libvirt may use it as well; check first";
	return NULL;
}

/* Prints all of it; rest gets what is believed. Returns whether that is all. */
static bool report(struct wreck *wreck, struct journal *const *all, size_t n, struct journal *rest)
{
	size_t n_whole = wreck->whole ? wreck->whole->n_entries : 0;
	bool all_known = n_whole > 0 && wreck->partial->n_entries == 0;

	say("# %s", wreck->file.why);
	if (n_whole == 0 && (!wreck->partial || wreck->partial->n_entries == 0))
		say("# no entry can be read");
	for (size_t i = 0; i < n_whole; i++) {
		struct entry *e = &wreck->whole->entries[i];
		const char *whose = other_holder(rest->name, e, all, n);
		const char *why = why_not_believed(wreck, e, whose);
		if (why) {
			say_whole(wreck, e, whose, why);
			all_known = all_known && whose;
			continue;
		}
		cleanup_free char *path = shell_word(e->path);
		say("# line %u: %s was %u:%u, mode %04o, before the claim; complete, and released "
		    "as usual",
			e->line, path, e->old_uid, e->old_gid, e->mode);
		*journal_add(rest) = *e;
		*e = (struct entry){.done = true};
	}
	for (size_t i = 0; wreck->partial && i < wreck->partial->n_entries; i++)
		say_partial(wreck, &wreck->partial->entries[i]);
	return all_known;
}

/*
 * A journal of the VM as the damaged one's head has it, without entries; new. NULL and a new
 * message on failure.
 */
static struct journal *rest_of(const char *name, const struct wreck *wreck, char **error)
{
	struct journal *rest = journal_new(name, error);

	if (rest && wreck->is_sound) {
		strcpy(rest->boot, wreck->whole->boot);
		rest->boot_time = wreck->whole->boot_time;
		rest->holder = wreck->whole->holder;
		rest->holder_start = wreck->whole->holder_start;
	}
	return rest;
}

/* Sets it aside, as far as it was reported; rest: what is believed of it. */
static enum claims_damaged put_aside(const char *name, struct wreck *wreck, struct journal *rest)
{
	cleanup_free char *aside = NULL;
	cleanup_free char *error = NULL;
	bool good = false;

	/* What nobody can read any more must not be gone. */
	if (fflush(stdout) != 0 || ferror(stdout))
		log_error("cannot write to standard output: %s; nothing was changed",
			strerror(errno));
	else if (wreck->in_use)
		log_error("VM '%s' may be running: %s; its journal is not set aside; stop it first",
			name, wreck->in_use);
	else
		good = journal_set_aside(name, rest->n_entries ? rest : NULL, &aside, &error);
	if (error)
		log_error("%s", error);
	if (aside)
		warn("VM '%s': its damaged journal is kept as %s/%s", name, JOURNAL_DIR, aside);
	return !good		 ? CLAIMS_DAMAGED_FAILED
	       : rest->n_entries ? CLAIMS_DAMAGED_RELEASE
				 : CLAIMS_DAMAGED_ASIDE;
}

static enum claims_damaged set_aside(const char *name, struct wreck *wreck, bool *all_known)
{
	enum claims_damaged result = CLAIMS_DAMAGED_FAILED;
	cleanup_free char *error = NULL;
	struct journal *rest = rest_of(name, wreck, &error), **all;
	size_t n;

	if (rest && read_others(&all, &n, &error)) {
		*all_known = report(wreck, all, n, rest);
		journal_free_all(all, n);
		result = put_aside(name, wreck, rest);
	} else {
		log_error("%s; nothing was changed", error);
	}
	journal_free(rest);
	return result;
}

enum claims_damaged claims_damaged_set_aside(const char *name, bool *all_known)
{
	enum claims_damaged result;
	cleanup_free char *error = NULL;
	struct wreck wreck;

	read_wreck(name, &wreck);
	bool is_locked = probe_wreck(&wreck, &error);
	free_wreck(&wreck);
	if (!is_locked) {
		log_error("%s; nothing was changed", error);
		return CLAIMS_DAMAGED_FAILED;
	}
	/* It can be another one now. */
	read_wreck(name, &wreck);
	switch (wreck.file.state) {
	case JOURNAL_NONE:
		result = CLAIMS_DAMAGED_NONE;
		break;
	case JOURNAL_WHOLE:
		result = CLAIMS_DAMAGED_WHOLE;
		break;
	case JOURNAL_DAMAGED:
		result = set_aside(name, &wreck, all_known);
		break;
	default:
		log_error("%s", wreck.file.why);
		result = CLAIMS_DAMAGED_FAILED;
	}
	free_wreck(&wreck);
	return result;
}
