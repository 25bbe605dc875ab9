/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "conf/conflint.h"

#include "base/account_power.h"
#include "base/cleanup.h"
#include "base/idspec.h"
#include "base/log.h"
#include "conf/confkeys.h"
#include "conf/confvalue.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lint {
	const struct conftext *text;
	const struct conf *conf;
	struct confblock_place blocks[2];
	struct finding *findings;
	size_t n;
};

static struct finding *append(struct finding **findings, size_t *n)
{
	/* At a power of two twice the room, or many would take the square of their time. */
	if ((*n & (*n - 1)) == 0)
		*findings = xreallocarray(*findings, *n ? 2 * *n : 1, sizeof **findings);
	struct finding *finding = &(*findings)[(*n)++];
	*finding = (struct finding){0};
	return finding;
}

void conflint_add(
	struct finding **findings, size_t *n, const char *kind, const char *key, char *message)
{
	struct finding *finding = append(findings, n);

	finding->kind = kind;
	finding->key = key ? xstrdup(key) : NULL;
	finding->message = message;
}

void conflint_free(struct finding *findings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(findings[i].key);
		free(findings[i].message);
	}
	free(findings);
}

/* One about a key, at that place. Takes the message. */
static struct finding *add(struct lint *l, const char *kind, const struct conf_entry *entry,
	unsigned line, unsigned column, char *message)
{
	conflint_add(&l->findings, &l->n, kind, entry->key, message);
	struct finding *finding = &l->findings[l->n - 1];
	finding->line = line;
	finding->column = column;
	return finding;
}

static void check_name(struct lint *l, const struct conf_entry *entry)
{
	const struct confkey *nearest = confkey_nearest(entry->key);
	char *message = nearest ? xasprintf("unknown setting; did you mean %s?", nearest->name)
				: xstrdup("unknown setting");

	add(l, "unknown-key", entry, entry->line, entry->column, message)->suggestion =
		nearest ? nearest->name : NULL;
}

/* Whether the database has the user or group, by name or number; *error if it can't tell. */
static bool has_account(const struct idspec *spec, bool is_user, bool *error)
{
	bool found = false;

	errno = 0;
	if (spec->name)
		found = is_user ? getpwnam(spec->name) != NULL : getgrnam(spec->name) != NULL;
	/* "No such account" is 0, or one of these (getpwnam(3)). */
	*error = !found && errno && errno != ENOENT && errno != ESRCH && errno != EBADF &&
		 errno != EPERM;
	if (found || *error || !spec->numeric)
		return found;
	errno = 0;
	return is_user ? getpwuid(spec->id) != NULL : getgrgid(spec->id) != NULL;
}

static void check_account(struct lint *l, const struct conf_entry *entry, bool is_user)
{
	const struct conf_value *value = &entry->value;
	const char *what = is_user ? "user" : "group";
	cleanup_free char *why = NULL;
	struct idspec spec;
	bool error;
	char *message;

	if (!idspec_parse(value->string, &spec, &why)) {
		add(l, "bad-value", entry, value->line, value->column, steal_pointer(&why));
		return;
	}
	if (has_account(&spec, is_user, &error))
		return;
	if (error)
		message = xasprintf(
			"cannot look up %s \"%s\": %s", what, value->string, strerror(errno));
	else if (spec.numeric)
		message = xasprintf("no %s has id %u%s", what, spec.id,
			is_user ? ", so there are no supplementary groups" : "");
	else
		message = xasprintf(
			"%s \"%s\" does not exist, so QEMU cannot be started; to use that of "
			"the package: virt-priv-conf set %s qemu; list all: getent %s",
			what, value->string, what, is_user ? "passwd" : "group");
	add(l, error ? "look-up-failed" : "no-such-id", entry, value->line, value->column, message);
}

static void check_value(struct lint *l, const struct confkey *key, const struct conf_entry *entry)
{
	const struct conf_value *value = &entry->value;
	cleanup_free char *shown = confvalue_show(value);
	cleanup_free char *error = NULL;
	const char *expected;

	if (!confkey_accepts(key, value, &expected)) {
		bool is_range = value->type == CONF_INTEGER && key->type != CONFKEY_STRING &&
				key->type != CONFKEY_USER && key->type != CONFKEY_GROUP &&
				key->type != CONFKEY_LIST && key->type != CONFKEY_STRING_OR_LIST;
		add(l, is_range ? "bad-value" : "wrong-type", entry, value->line, value->column,
			xasprintf("expected %s, found %s %s", expected,
				conf_type_name(value->type) +
					strcspn(conf_type_name(value->type), " ") + 1,
				shown));
		return;
	}
	if (key->type == CONFKEY_USER || key->type == CONFKEY_GROUP) {
		check_account(l, entry, key->type == CONFKEY_USER);
		return;
	}
	/* What the tools of this package are stricter about than libvirt. */
	cleanup_free char *literal = confvalue_format(value, &error);
	if (literal && value->type == CONF_INTEGER) {
		cleanup_free char *good = confvalue_from_word(entry->key, key, literal, &error);
		if (!good)
			add(l, "bad-value", entry, value->line, value->column,
				steal_pointer(&error));
	}
}

/* Those that a marked block sets aside are no oversight. */
static bool is_set_aside(const struct lint *l, const struct conf_entry *first)
{
	for (size_t i = 0; i < 2; i++) {
		const struct confblock_place *place = &l->blocks[i];
		if (place->state == CONFBLOCK_INTACT && place->begin < first->begin &&
			first->end < place->end)
			return true;
	}
	return false;
}

static void check_entry(struct lint *l, const struct conf_entry *entry)
{
	const struct conf_entry *first = conf_get(l->conf, entry->key);
	const struct confkey *key = confkey_find(entry->key);

	if (first != entry) {
		if (!is_set_aside(l, first))
			add(l, "duplicate-key", entry, entry->line, entry->column,
				xasprintf("duplicate key ignored; first set on line %u",
					first->line));
		return;
	}
	if (key)
		check_value(l, key, entry);
	else
		check_name(l, entry);
}

static unsigned line_of(const struct conftext *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text->bytes[i] == '\n';
	return line;
}

/*
 * libvirt ships a file whose samples of user and group are the account that it was compiled
 * for, and takes that where the file sets none. The tools of this package take "qemu".
 */
static void check_default(struct lint *l, const char *key)
{
	size_t sample;

	if (conf_get(l->conf, key) || !confedit_find_sample(l->text, l->conf, key, &sample))
		return;
	const char *begin = l->text->bytes + sample + 1;
	cleanup_free char *line = xstrndup(begin, strcspn(begin, "\r\n"));
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse("x", line, strlen(line), &error);
	if (conf && conf->n_entries == 1 && conf->entries[0].value.type == CONF_STRING &&
		strcmp(conf->entries[0].value.string, "qemu") != 0) {
		struct conf_entry entry = {.key = (char *)key};
		add(l, "other-default", &entry, line_of(l->text, sample), 1,
			xasprintf("not set: libvirt uses \"%s\", as this comment says, but "
				  "virt-privileges uses \"qemu\"; set it for both: virt-priv-conf "
				  "set %s qemu",
				conf->entries[0].value.string, key));
	}
	conf_free(conf);
}

/* The account as it is set, "qemu" where it is not. False: that has no account, or no string. */
static bool find_identity(
	const struct conf_entry *user, const struct conf_entry *group, struct identity *identity)
{
	cleanup_free char *ignored = NULL;
	bool is_text = (!user || user->value.type == CONF_STRING) &&
		       (!group || group->value.type == CONF_STRING);

	*identity = (struct identity){0};
	return is_text && ids_identity(user ? user->value.string : "qemu",
				  group ? group->value.string : "qemu", "x", identity, &ignored);
}

/* QEMU gets the groups of its account. */
static void check_power(struct lint *l)
{
	const struct conf_entry *user = conf_get(l->conf, "user");
	const struct conf_entry *group = conf_get(l->conf, "group");
	const struct conf_entry *entry = user ? user : group;
	struct identity identity;
	cleanup_free char *power = NULL;

	if (entry && find_identity(user, group, &identity))
		power = account_power(&identity);
	if (power)
		add(l, "as-good-as-root", entry, entry->value.line, entry->value.column,
			xasprintf("user \"%s\" %s, and QEMU gets that; use an account of its own: "
				  "virt-priv-conf set user qemu",
				identity.user, power));
	if (entry)
		identity_free(&identity);
}

static int by_place(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (x->column > y->column) - (x->column < y->column);
}

/* "x:LINE:COLUMN: MESSAGE" */
static void add_syntax_error(struct lint *l, const char *error)
{
	struct finding *finding = append(&l->findings, &l->n);

	finding->kind = "syntax";
	sscanf(error, "x:%u:%u:", &finding->line, &finding->column);
	finding->message = xstrdup(strstr(error, ": ") + 2);
}

size_t conflint(const struct conftext *text, struct finding **findings)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse("x", text->bytes, text->length, &error);
	struct lint l = {.text = text, .conf = conf};

	if (!conf) {
		add_syntax_error(&l, error);
	} else {
		l.blocks[0] = confblock_find(text, conf, CONFBLOCK_ROOT);
		l.blocks[1] = confblock_find(text, conf, CONFBLOCK_LIBVIRT);
		for (size_t i = 0; i < conf->n_entries; i++)
			check_entry(&l, &conf->entries[i]);
		check_power(&l);
		check_default(&l, "user");
		check_default(&l, "group");
		if (l.n)
			qsort(l.findings, l.n, sizeof *l.findings, by_place);
	}
	conf_free(conf);
	*findings = l.findings;
	return l.n;
}
