/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-conf: reads, checks and edits /etc/libvirt/qemu.conf, which libvirt and the
 * tools of this package share, without disturbing anything else in it.
 *
 * How the text is edited is in confedit.h, how the file is replaced in conffile.h, both
 * together in confcmd.h, what libvirt takes for which key in confkeys.h, and what is complained
 * about in conflint.h.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "conf/conf_report.h"
#include "conf/confcmd.h"
#include "conf/conffile.h"
#include "conf/confkeys.h"
#include "conf/confvalue.h"
#include "conf/package_defaults.h"
#include "conf/settings.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define PROGRAM "virt-priv-conf"

enum { DONE = 0, NOT_SO = 1, FAILED = 2 };

static const char usage[] =
	"Usage: virt-priv-conf [OPTION]... get KEY\n"
	"       virt-priv-conf [OPTION]... set [--force] KEY VALUE\n"
	"       virt-priv-conf [OPTION]... unset KEY\n"
	"       virt-priv-conf [OPTION]... show [--json]\n"
	"       virt-priv-conf [OPTION]... check [--json]\n"
	"       virt-priv-conf [OPTION]... revert-to-root\n"
	"       virt-priv-conf [OPTION]... restore-default\n"
	"Reads, checks and edits /etc/libvirt/qemu.conf; nothing else in it is disturbed.\n"
	"\n"
	"  get KEY           print the value that the file gives KEY\n"
	"  set KEY VALUE     give KEY that value, in the type that libvirt reads it with\n"
	"  unset KEY         take KEY away\n"
	"  show              the settings that decide about privileges, and where they come from\n"
	"  check             say what is wrong, with file, line and column\n"
	"  revert-to-root    have QEMU run as root\n"
	"  restore-default   undo revert-to-root\n"
	"\n"
	"  -c, --config FILE   FILE instead of /etc/libvirt/qemu.conf\n"
	"      --force         set a KEY that is not known; VALUE is in the file's syntax\n"
	"      --json          print JSON\n"
	"  -v, --verbose       say what is done\n"
	"      --help          print this help\n"
	"      --version       print the version\n"
	"\n"
	"Exit status: 0 done; 1 get: not set, check: something is wrong, restore-default:\n"
	"QEMU runs as root for another reason; 2 error, and the file is as it was, unless\n"
	"the message says that it is changed.\n";

struct options {
	const char *config; /* NULL: the file in force */
	bool json, force;
	char **words; /* behind the command */
};

static void parse_options(struct options *o, int argc, char *argv[])
{
	enum { JSON = 256, FORCE, HELP, VERSION_ };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"json", no_argument, NULL, JSON},
		{"force", no_argument, NULL, FORCE},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	int option;

	/* "+": "set seccomp_sandbox -1" has no option in it. */
	while ((option = getopt_long(argc, argv, "+c:v", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			o->config = optarg;
			break;
		case JSON:
			o->json = true;
			break;
		case FORCE:
			o->force = true;
			break;
		case 'v':
			log_set_verbose(true);
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? DONE : FAILED);
		case VERSION_:
			puts(PROGRAM " " VERSION);
			exit(fflush(stdout) == 0 ? DONE : FAILED);
		default:
			die("try: " PROGRAM " --help");
		}
	}
}

/* Reading. */

/* The file in force: that of --config, /etc's, the package's; file->fd is -1 if there is none. */
static void read_in_force(const struct options *o, struct conffile *file)
{
	const char *const places[] = {o->config ? o->config : SETTINGS_ADMIN_FILE, VENDOR_CONF};
	size_t n = o->config ? 1 : sizeof places / sizeof *places;
	cleanup_free char *error = NULL;

	*file = CONFFILE_NONE;
	for (size_t i = 0; i < n && file->fd < 0; i++)
		if (!conffile_read(places[i], file, &error))
			die("%s", error);
	if (file->fd >= 0)
		return;
	if (o->config)
		die("settings file %s does not exist", o->config);
	*file = CONFFILE_NONE;
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
		die("cannot trust the settings in %s: %s", file->path, distrust);
}

static int get(const struct options *o)
{
	const char *key = o->words[0];
	const struct confkey *nearest = confkey_find(key) ? NULL : confkey_nearest(key);
	struct conffile file;

	read_in_force(o, &file);
	if (file.fd < 0)
		die_status(NOT_SO, "no settings file exists; %s has its default", key);
	insist_on_trust(&file);
	struct conf *conf = parse(&file);
	const struct conf_entry *entry = conf_get(conf, key);
	if (!entry)
		warn("%s is not set in %s%s%s%s", key, file.path, nearest ? "; did you mean " : "",
			nearest ? nearest->name : "", nearest ? "?" : "");
	cleanup_free char *value = entry ? confvalue_show(&entry->value) : NULL;
	if (entry)
		say("%s", value);
	conf_free(conf);
	conffile_close(&file);
	return value ? DONE : NOT_SO;
}

static int show(const struct options *o)
{
	struct conffile file;
	struct settings settings;
	cleanup_free char *error = NULL;
	struct conf *conf = NULL;

	read_in_force(o, &file);
	if (file.fd >= 0) {
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
	struct conffile file;
	struct finding *findings = NULL;
	size_t n = 0;

	read_in_force(o, &file);
	if (file.fd >= 0) {
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
		info("%s: no problems found", file.path ? file.path : "no settings file");
	conflint_free(findings, n);
	conffile_close(&file);
	return n ? NOT_SO : DONE;
}

/* The other commands, as the table below wants them. */

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

	command.config = o->config;
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

static const struct command {
	const char *name;
	int n_words;
	bool takes_json, takes_force;
	int (*run)(const struct options *o);
} commands[] = {
	{"get", 1, false, false, get},
	{"set", 2, false, true, set},
	{"unset", 1, false, false, unset},
	{"show", 0, true, false, show},
	{"check", 0, true, false, check},
	{"revert-to-root", 0, false, false, revert_to_root},
	{"restore-default", 0, false, false, restore_default},
	{"adopt", 0, false, false, adopt},
	{"abandon", 0, false, false, abandon},
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (name && strcmp(commands[i].name, name) == 0)
			return &commands[i];
	if (!name)
		die("a command is missing; try: " PROGRAM " --help");
	die("%s: there is no such command; try: " PROGRAM " --help", name);
}

int main(int argc, char *argv[])
{
	struct options o = {0};

	log_init(PROGRAM, FAILED);
	parse_options(&o, argc, argv);
	const struct command *command = find_command(argv[optind]);
	optind++;
	parse_options(&o, argc, argv);
	o.words = argv + optind;
	if (argc - optind < command->n_words)
		die("%s: a word is missing; try: " PROGRAM " --help", command->name);
	if (argc - optind > command->n_words)
		die("%s: a word too many; options stand before %s; try: " PROGRAM " --help",
			o.words[command->n_words], command->n_words ? "KEY" : "the end");
	if ((o.json && !command->takes_json) || (o.force && !command->takes_force))
		die("%s has no option %s; try: " PROGRAM " --help", command->name,
			o.json && !command->takes_json ? "--json" : "--force");

	int result = command->run(&o);
	if (fflush(stdout) != 0 || ferror(stdout))
		die("cannot write to standard output");
	return result;
}
