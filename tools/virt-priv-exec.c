/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-exec: becomes the account of qemu.conf, without any capability,
 * proves it, and executes a command. One process throughout: no fork, no
 * supervision.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "base/options.h"
#include "launch/environment.h"
#include "launch/launch.h"
#include "launch/launch_report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM "virt-priv-exec"

struct options {
	struct launch_request request;
	struct option_texts keep_env;
	bool dry_run, json, verbose;
};

/* "N[,N]..." appended to the descriptors to keep. */
static bool keep_fd(const struct option_row *row, void *field, const char *list, char **error)
{
	struct launch_request *request = &((struct options *)field)->request;
	const char *p = list;

	for (;;) {
		char *end;
		errno = 0;
		long fd = strtol(p, &end, 10);
		if (*p < '0' || *p > '9' || errno || fd > INT_MAX || (*end && *end != ',')) {
			*error = xasprintf(
				"--%s %s: not a comma-separated list of descriptor numbers",
				row->name, list);
			return false;
		}
		if (fd > 2) {
			int *fds = xreallocarray(
				(int *)request->keep_fds, request->n_keep_fds + 1, sizeof(int));
			fds[request->n_keep_fds++] = (int)fd;
			request->keep_fds = fds;
		}
		if (!*end)
			return true;
		p = end + 1;
	}
}

static bool keep_cap(const struct option_row *row, void *field, const char *name, char **error)
{
	struct launch_request *request = &((struct options *)field)->request;
	uint64_t bit = creds_capability(name);

	request->keep_caps |= bit;
	if (!bit)
		*error = xasprintf(
			"--%s %s: unknown capability; see capabilities(7)", row->name, name);
	return bit;
}

static bool keep_env(const struct option_row *row, void *field, const char *name, char **error)
{
	struct options *o = field;

	if (environment_is_name(name))
		return option_store_texts(row, &o->keep_env, name, error);
	*error = xasprintf("--%s %s: invalid name of an environment variable", row->name, name);
	return false;
}

static const struct option_row rows[] = {
	{"config", 'c', "FILE", OPTION_FILE, "read FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, request.config)},
	{"user", 'u', "USER", OPTION_USER, "run as USER (a name, a number, or +NUMBER)",
		OPTION_TEXT(struct options, request.user)},
	{"group", 'g', "GROUP", OPTION_GROUP, "set the primary group",
		OPTION_TEXT(struct options, request.group)},
	{"groups", 'G', "LIST", OPTION_GROUP,
		"set the supplementary groups (comma-separated) instead of those of the account",
		OPTION_TEXT(struct options, request.groups), .is_list = true},
	{"keep-cap", 0, "CAP", OPTION_ANYTHING, "keep this capability (repeatable)",
		OPTION_CALL(keep_cap)},
	{"keep-fd", 0, "N[,N]...", OPTION_ANYTHING,
		"keep these descriptors open besides 0, 1 and 2 (repeatable)",
		OPTION_CALL(keep_fd)},
	{"keep-env", 0, "NAME", OPTION_VARIABLE, "keep this environment variable (repeatable)",
		OPTION_CALL(keep_env)},
	{"allow-new-privs", 0, NULL, OPTION_NONE, "do not set no_new_privs",
		OPTION_FLAG(struct options, request.allow_new_privs)},
	{"dry-run", 0, NULL, OPTION_NONE, "print what would be done, and do not execute COMMAND",
		OPTION_FLAG(struct options, dry_run)},
	{"json", 0, NULL, OPTION_NONE, "with --dry-run: print JSON",
		OPTION_FLAG(struct options, json)},
	{"verbose", 'v', NULL, OPTION_NONE, "report what is not changed, and why",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "1",
	.synopsis = "[OPTION]... [--] COMMAND [ARG]...",
	.summary = "Run COMMAND as the account of qemu.conf, with no capability in any set.",
	.rows = rows,
	.operands = {0, OPTION_ANY_NUMBER, OPTION_COMMAND, NULL},
	.in_order = true,
	.status = "Exit status: 125 if virt-priv-exec itself fails, 126 if COMMAND cannot be "
		  "executed, 127 if it cannot be found, else that of COMMAND.",
};

static void parse_options(struct options *o, int argc, char *argv[])
{
	struct option_words words;
	cleanup_free char *error = NULL;

	if (!options_parse(&tool_options, argc, argv, o, &words, &error)) {
		if (error)
			die("%s", error);
		exit(fflush(stdout) == 0 ? EXIT_SUCCESS : LAUNCH_FAILED);
	}
	if (words.n == 0)
		die("missing COMMAND; try: " PROGRAM " --help");
	if (o->json && !o->dry_run)
		die("--json requires --dry-run");
	o->request.keep_env = o->keep_env.items;
	o->request.n_keep_env = o->keep_env.n;
	o->request.command = words.operands;
}

static void report(const struct launch *launch, bool json)
{
	cleanup_free char *warning = launch_warning(launch);

	if (warning)
		warn("%s", warning);
	if (json)
		launch_report_json(launch);
	else
		launch_report(launch);
}

int main(int argc, char *argv[])
{
	struct options o = {0};
	struct launch launch;

	log_init(PROGRAM, LAUNCH_FAILED);
	launch_fill_standard_descriptors();
	parse_options(&o, argc, argv);
	log_set_verbose(o.verbose);

	launch_plan(&launch, &o.request);
	if (!o.dry_run)
		launch_exec(&launch, PROGRAM);
	report(&launch, o.json);
	launch_free(&launch);
	free((void *)o.request.keep_fds);
	free(o.keep_env.items);
	return EXIT_SUCCESS;
}
