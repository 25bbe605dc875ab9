/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-conf: reads, checks and edits /etc/libvirt/qemu.conf, which libvirt and the
 * tools of this package share, without disturbing anything else in it.
 *
 * How the text is edited is in confedit.h, how the file is replaced in conffile.h, both
 * together in confchange.h, what libvirt takes for which key in confkeys.h, and what is complained
 * about in conflint.h.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"
#include "conf/conf_report.h"
#include "conf/confcmd.h"
#include "conf/conffile.h"
#include "conf/confkeys.h"
#include "conf/confvalue.h"
#include "conf/package_defaults.h"
#include "conf/settings.h"

#include <stdio.h>

#define PROGRAM "virt-priv-conf"

enum { DONE = 0, NOT_SO = 1, FAILED = 2 };

struct options {
	const char *config; /* NULL: the file in force */
	bool json, force, verbose;
	char **words; /* behind the command */
};

/* Reading. */

/* The file in force: that of --config, /etc's, the package's. False: there is none. */
static bool read_in_force(const struct options *o, struct conffile *file)
{
	if (o->config) {
		if (!conffile_read(o->config, file))
			die("there is no settings file %s", o->config);
		return true;
	}
	return conffile_read(SETTINGS_ADMIN_FILE, file) || conffile_read(VENDOR_CONF, file);
}

static struct conf *parse(const struct conffile *file)
{
	cleanup_free char *error = NULL;
	struct conf *conf = conf_parse(file->path, file->text.bytes, file->text.length, &error);

	if (!conf)
		die("%s", error);
	return conf;
}

static void insist_on_trust(const struct conffile *file)
{
	cleanup_free char *distrust = conffile_distrust(file);

	if (distrust)
		die("can't trust the settings in %s: %s", file->path, distrust);
}

static int get(const struct options *o)
{
	const char *key = o->words[0];
	const struct confkey *nearest = confkey_find(key) ? NULL : confkey_nearest(key);
	struct conffile file;

	if (!read_in_force(o, &file))
		die_status(NOT_SO, "there is no settings file, so %s is at its default", key);
	insist_on_trust(&file);
	struct conf *conf = parse(&file);
	const struct conf_entry *entry = conf_get(conf, key);
	if (!entry)
		warn("%s is not set in %s%s%s%s", key, file.path, nearest ? "; is " : "",
			nearest ? nearest->name : "", nearest ? " meant?" : "");
	cleanup_free char *value = entry ? confvalue_show(&entry->value) : NULL;
	if (entry)
		say("%s", value);
	conf_free(conf);
	conffile_close(&file);
	return value ? DONE : NOT_SO;
}

static int show(const struct options *o)
{
	struct conffile file = {.fd = -1, .dir = -1};
	struct settings settings;
	cleanup_free char *error = NULL;
	struct conf *conf = NULL;

	if (read_in_force(o, &file)) {
		insist_on_trust(&file);
		/* What the tools refuse has no value to show. */
		if (!settings_from_text(
			    &settings, file.path, file.text.bytes, file.text.length, &error))
			die("%s", error);
		settings_free(&settings);
		conf = parse(&file);
	}
	if (o->json)
		conf_report_show_json(file.path, conf);
	else
		conf_report_show(file.path, conf);
	conf_free(conf);
	conffile_close(&file);
	return DONE;
}

static int check(const struct options *o)
{
	struct conffile file = {.fd = -1, .dir = -1};
	struct finding *findings = NULL;
	size_t n = 0;

	if (read_in_force(o, &file)) {
		char *distrust = conffile_distrust(&file);
		n = conflint(&file.text, &findings);
		if (distrust)
			conflint_add(&findings, &n, "not-trusted", NULL, distrust);
	}
	if (o->json)
		conf_report_findings_json(file.path, findings, n);
	else
		conf_report_findings(file.path, findings, n);
	if (n == 0)
		info("%s: nothing to find fault with", file.path ? file.path : "no settings file");
	conflint_free(findings, n);
	conffile_close(&file);
	return n ? NOT_SO : DONE;
}

/* The other commands, as the table below wants them. */

static int set(const struct options *o)
{
	confchange_set(o->config, o->words[0], o->words[1], o->force);
	return DONE;
}

static int unset(const struct options *o)
{
	confchange_unset(o->config, o->words[0]);
	return DONE;
}

static int revert_to_root(const struct options *o)
{
	confchange_revert_to_root(o->config);
	return DONE;
}

static int restore_default(const struct options *o)
{
	return confchange_restore_default(o->config) ? DONE : NOT_SO;
}

static int adopt(const struct options *o)
{
	adoption_adopt(o->config);
	return DONE;
}

static int abandon(const struct options *o)
{
	adoption_abandon(o->config);
	return DONE;
}

enum command { GET, SET, UNSET, SHOW, CHECK, REVERT_TO_ROOT, RESTORE_DEFAULT, ADOPT, ABANDON };

static int (*const run[])(const struct options *) = {
	[GET] = get,
	[SET] = set,
	[UNSET] = unset,
	[SHOW] = show,
	[CHECK] = check,
	[REVERT_TO_ROOT] = revert_to_root,
	[RESTORE_DEFAULT] = restore_default,
	[ADOPT] = adopt,
	[ABANDON] = abandon,
};

static const struct option_row rows[] = {
	{"config", 'c', "FILE", OPTION_FILE, "read and edit FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, config)},
	{"json", 0, NULL, OPTION_NONE, "with show and check: print JSON",
		OPTION_FLAG(struct options, json),
		.commands = OPTION_FOR(SHOW) | OPTION_FOR(CHECK)},
	{"force", 0, NULL, OPTION_NONE,
		"with set: set a KEY that is not known; VALUE is in the file's syntax",
		OPTION_FLAG(struct options, force), .commands = OPTION_FOR(SET)},
	{"verbose", 'v', NULL, OPTION_NONE, "say what is done",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

/* What the file sets, or shows in a comment. */
#define KEYS                                                                                       \
	"$(sed -n \"s/^#\\{0,1\\}\\([a-z][a-z0-9_]*\\) *=.*/\\1/p\" " SETTINGS_ADMIN_FILE          \
	" " VENDOR_CONF " 2>/dev/null)"

static const struct option_command commands[] = {
	[GET] = {"get", "[OPTION]... get KEY", "print the value that the file gives KEY",
		{1, 1, OPTION_WORD, KEYS}},
	[SET] = {"set", "[OPTION]... set [--force] KEY VALUE",
		"give KEY that value, in the type that libvirt reads it with",
		{2, 2, OPTION_WORD, "--force " KEYS}},
	[UNSET] = {"unset", "[OPTION]... unset KEY", "take KEY away", {1, 1, OPTION_WORD, KEYS}},
	[SHOW] = {"show", "[OPTION]... show [--json]",
		"the settings that decide about privileges, and where they come from", {0}},
	[CHECK] = {"check", "[OPTION]... check [--json]",
		"say what is wrong, with file, line and column", {0}},
	[REVERT_TO_ROOT] = {"revert-to-root", "[OPTION]... revert-to-root", "have QEMU run as root",
		{0}},
	[RESTORE_DEFAULT] = {"restore-default", "[OPTION]... restore-default",
		"undo revert-to-root", {0}},
	[ADOPT] = {"adopt", NULL, NULL, {0}},
	[ABANDON] = {"abandon", NULL, NULL, {0}},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.summary = "Read, check and edit /etc/libvirt/qemu.conf; nothing else in it is disturbed.",
	.rows = rows,
	.commands = commands,
	.in_order = true, /* "set seccomp_sandbox -1" has no option in it */
	.status = "Exit status: 0 done; 1 get: not set, check: something is wrong, "
		  "restore-default: QEMU runs as root for another reason; 2 error, and the file is "
		  "as it was, unless the message says that it is changed.",
};

int main(int argc, char *argv[])
{
	struct options o = {0};
	struct option_words words;
	cleanup_free char *error = NULL;

	log_init(PROGRAM, FAILED);
	if (!options_parse(&tool_options, argc, argv, &o, &words, &error)) {
		if (error)
			die("%s", error);
		return fflush(stdout) == 0 ? DONE : FAILED;
	}
	o.words = words.operands;
	log_set_verbose(o.verbose);

	int result = run[words.command](&o);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("can't write to standard output");
	return result;
}
