/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-conf: reads, checks and edits /etc/libvirt/qemu.conf, which libvirt and the
 * tools of this package share, without disturbing anything else in it.
 *
 * What changes the file is in conf/confcmd.h, what only reads it in conf/confquery.h, what
 * the scripts of the package do in conf/package_defaults.h, and what reserves the ids of isolated
 * VMs, which one of the settings names, in conf/reservation.h.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"
#include "conf/confchange.h"
#include "conf/confcmd.h"
#include "conf/confquery.h"
#include "conf/package_defaults.h"
#include "conf/reservation.h"
#include "conf/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PROGRAM "virt-priv-conf"

enum { DONE = 0, NOT_SO = 1, FAILED = 2 };

struct options {
	const char *config; /* NULL: the file in force */
	const char *root;   /* of reserve-ids and release-ids; NULL: / */
	bool json, dry_run, force, verbose;
	const char *command;
	char **words; /* behind the command */
};

/* The commands. Each returns the exit status. */

static int get(const struct options *o)
{
	cleanup_free char *error = NULL;
	bool is_unset;
	cleanup_free char *value = confquery_get(o->config, o->words[0], &is_unset, &error);

	if (!value)
		die_status(is_unset ? NOT_SO : FAILED, "%s", error);
	cleanup_free char *safe = log_escape(value);
	puts(safe);
	return DONE;
}

static int show(const struct options *o)
{
	cleanup_free char *error = NULL;

	if (!confquery_show(o->config, o->json, &error))
		die("%s", error);
	return DONE;
}

static int check(const struct options *o)
{
	cleanup_free char *error = NULL;
	bool is_clean;

	if (!confquery_check(o->config, o->json, &is_clean, &error))
		die("%s", error);
	return is_clean ? DONE : NOT_SO;
}

/* Whatever goes wrong once the file is changed, memory that runs out included. */
static void say_it_is_changed(int status, void *command)
{
	if (status != 0 && ((const struct confcmd *)command)->is_changed)
		fputs("the file is changed nevertheless\n", stderr);
}

static struct confcmd *begin_change(const struct options *o)
{
	/* For on_exit(3), which comes when main() has returned. */
	static struct confcmd command;

	command = (struct confcmd){
		.config = o->config, .name = o->command, .json = o->json, .dry_run = o->dry_run};
	on_exit(say_it_is_changed, &command);
	return &command;
}

/* The exit status of a change that was made, or not. */
static int end_change(bool is_done, char *const *error)
{
	if (!is_done)
		die("%s", *error);
	return DONE;
}

static int set(const struct options *o)
{
	cleanup_free char *error = NULL;

	return end_change(
		confcmd_set(begin_change(o), o->words[0], o->words[1], o->force, &error), &error);
}

static int unset(const struct options *o)
{
	cleanup_free char *error = NULL;

	return end_change(confcmd_unset(begin_change(o), o->words[0], &error), &error);
}

static int revert_to_root(const struct options *o)
{
	cleanup_free char *error = NULL;

	return end_change(confcmd_revert_to_root(begin_change(o), &error), &error);
}

static int restore_default(const struct options *o)
{
	cleanup_free char *error = NULL;
	bool is_root;
	int status = end_change(confcmd_restore_default(begin_change(o), &is_root, &error), &error);

	return is_root ? NOT_SO : status;
}

static int adopt(const struct options *o)
{
	cleanup_free char *error = NULL;

	return end_change(package_defaults_adopt(begin_change(o), &error), &error);
}

static int abandon(const struct options *o)
{
	cleanup_free char *error = NULL;

	return end_change(package_defaults_abandon(begin_change(o), &error), &error);
}

/* Everything below is that system's: its settings, and what its symbolic links lead to. */
static void enter_root(const char *root)
{
	if (root && (chroot(root) < 0 || chdir("/") < 0))
		die_errno("cannot change the root directory to %s", root);
}

static int reserve_ids(const struct options *o)
{
	cleanup_free char *error = NULL;

	enter_root(o->root);
	return end_change(reservation_make(begin_change(o), &error), &error);
}

static int release_ids(const struct options *o)
{
	cleanup_free char *error = NULL;

	enter_root(o->root);
	return end_change(reservation_remove(begin_change(o), &error), &error);
}

enum command {
	GET,
	SET,
	UNSET,
	SHOW,
	CHECK,
	REVERT_TO_ROOT,
	RESTORE_DEFAULT,
	RESERVE_IDS,
	RELEASE_IDS,
	ADOPT,
	ABANDON,
};

static int (*const run[])(const struct options *) = {
	[GET] = get,
	[SET] = set,
	[UNSET] = unset,
	[SHOW] = show,
	[CHECK] = check,
	[REVERT_TO_ROOT] = revert_to_root,
	[RESTORE_DEFAULT] = restore_default,
	[RESERVE_IDS] = reserve_ids,
	[RELEASE_IDS] = release_ids,
	[ADOPT] = adopt,
	[ABANDON] = abandon,
};

/* The commands that change something, less those of the package's scripts. */
#define CHANGES                                                                                    \
	(OPTION_FOR(SET) | OPTION_FOR(UNSET) | OPTION_FOR(REVERT_TO_ROOT) |                        \
		OPTION_FOR(RESTORE_DEFAULT) | OPTION_FOR(RESERVE_IDS) | OPTION_FOR(RELEASE_IDS))

static const struct option_row rows[] = {
	{"config", 'c', "FILE", OPTION_FILE, "read and edit FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, config)},
	{"json", 0, NULL, OPTION_NONE, "print JSON; not with get",
		OPTION_FLAG(struct options, json),
		.commands = OPTION_FOR(SHOW) | OPTION_FOR(CHECK) | CHANGES},
	{"dry-run", 0, NULL, OPTION_NONE, "change nothing, and print what would be changed",
		OPTION_FLAG(struct options, dry_run), .commands = CHANGES},
	{"force", 0, NULL, OPTION_NONE,
		"with set: set an unknown KEY, to a VALUE in the file's syntax",
		OPTION_FLAG(struct options, force), .commands = OPTION_FOR(SET)},
	{"root", 0, "DIR", OPTION_DIRECTORY,
		"with reserve-ids and release-ids: of the system in the directory DIR",
		OPTION_TEXT(struct options, root),
		.commands = OPTION_FOR(RESERVE_IDS) | OPTION_FOR(RELEASE_IDS)},
	{"verbose", 'v', NULL, OPTION_NONE, "also report what is not changed",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

/* What the file sets, or shows in a comment. */
#define KEYS                                                                                       \
	"$(sed -n \"s/^#\\{0,1\\}\\([a-z][a-z0-9_]*\\) *=.*/\\1/p\" " SETTINGS_ADMIN_FILE          \
	" " VENDOR_CONF " 2>/dev/null)"

static const struct option_command commands[] = {
	[GET] = {"get", "[OPTION]... get KEY", "print the value of KEY in the file",
		{1, 1, OPTION_WORD, KEYS}},
	[SET] = {"set", "[OPTION]... set [--force] [--dry-run] [--json] KEY VALUE",
		"set KEY to VALUE, in the type that libvirt expects",
		{2, 2, OPTION_WORD, "--force " KEYS}},
	[UNSET] = {"unset", "[OPTION]... unset [--dry-run] [--json] KEY", "remove KEY",
		{1, 1, OPTION_WORD, KEYS}},
	[SHOW] = {"show", "[OPTION]... show [--json]",
		"print the settings that affect privileges, and their origin", {0}},
	[CHECK] = {"check", "[OPTION]... check [--json]",
		"report problems with file, line and column", {0}},
	[REVERT_TO_ROOT] = {"revert-to-root", "[OPTION]... revert-to-root [--dry-run] [--json]",
		"make QEMU run as root", {0}},
	[RESTORE_DEFAULT] = {"restore-default", "[OPTION]... restore-default [--dry-run] [--json]",
		"undo revert-to-root", {0}},
	[RESERVE_IDS] = {"reserve-ids", "[OPTION]... reserve-ids [--root DIR] [--dry-run] [--json]",
		"reserve the ids of isolated VMs in /etc/subuid and /etc/subgid", {0}},
	[RELEASE_IDS] = {"release-ids", "[OPTION]... release-ids [--root DIR] [--dry-run] [--json]",
		"undo reserve-ids", {0}},
	[ADOPT] = {"adopt", NULL, NULL, {0}},
	[ABANDON] = {"abandon", NULL, NULL, {0}},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.summary =
		"Query, check and edit /etc/libvirt/qemu.conf; the rest of the file is preserved.",
	.rows = rows,
	.commands = commands,
	.in_order = true, /* "set seccomp_sandbox -1" has no option in it */
	.status = "Exit status: 0 success; 1 get: not set, check: problems found, restore-default: "
		  "QEMU runs as root for another reason; 2 error, the file is unchanged unless the "
		  "message says that it is changed.",
};

/* Returns the command. */
static enum command parse_options(struct options *o, int argc, char *argv[])
{
	struct option_words words;
	cleanup_free char *error = NULL;

	if (!options_parse(&tool_options, argc, argv, o, &words, &error)) {
		if (error)
			die("%s", error);
		exit(fflush(stdout) == 0 ? DONE : FAILED);
	}
	o->words = words.operands;
	o->command = commands[words.command].name;
	return (enum command)words.command;
}

int main(int argc, char *argv[])
{
	struct options o = {0};

	log_init(PROGRAM, FAILED);
	enum command command = parse_options(&o, argc, argv);
	log_set_verbose(o.verbose);

	int result = run[command](&o);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write to standard output");
	return result;
}
