/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-exec: becomes the account of qemu.conf, without any capability,
 * proves it, and executes a command. One process throughout: no fork, no
 * supervision.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "launch/environment.h"
#include "launch/launch.h"
#include "launch/launch_report.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"Usage: virt-priv-exec [OPTION]... [--] COMMAND [ARG]...\n"
	"Run COMMAND as the account of qemu.conf, with no capability in any set.\n"
	"\n"
	"  -c, --config FILE       read FILE instead of /etc/libvirt/qemu.conf\n"
	"  -u, --user USER         run as USER (a name, a number, or +NUMBER)\n"
	"  -g, --group GROUP       with GROUP as primary group\n"
	"  -G, --groups LIST       with the supplementary groups of this comma-separated\n"
	"                          list, instead of the account's\n"
	"      --keep-cap CAP      keep this capability (repeatable)\n"
	"      --keep-fd N[,N]...  keep these descriptors, beside 0, 1 and 2 (repeatable)\n"
	"      --keep-env NAME     keep this environment variable (repeatable)\n"
	"      --allow-new-privs   do not set no_new_privs\n"
	"      --dry-run           print what would be done, and do nothing\n"
	"      --json              with --dry-run: print it as JSON\n"
	"  -v, --verbose           say what stays as it is, and why\n"
	"      --help              print this help\n"
	"      --version           print the version\n"
	"\n"
	"Exit status: 125 if virt-priv-exec itself fails, 126 if COMMAND can't be\n"
	"executed, 127 if it can't be found, else the status of COMMAND.\n";

struct options {
	struct launch_request request;
	bool dry_run, json, verbose;
};

/* "N[,N]..." appended to the descriptors to keep. */
static void add_descriptors(struct launch_request *request, const char *list)
{
	const char *p = list;

	for (;;) {
		char *end;
		errno = 0;
		long fd = strtol(p, &end, 10);
		if (*p < '0' || *p > '9' || errno || fd > INT_MAX || (*end && *end != ','))
			die("--keep-fd %s: not a comma-separated list of descriptor numbers", list);
		if (fd > 2) {
			int *fds = xreallocarray(
				(int *)request->keep_fds, request->n_keep_fds + 1, sizeof(int));
			fds[request->n_keep_fds++] = (int)fd;
			request->keep_fds = fds;
		}
		if (!*end)
			return;
		p = end + 1;
	}
}

static void add_capability(struct launch_request *request, const char *name)
{
	uint64_t bit = creds_capability(name);

	if (!bit)
		die("--keep-cap %s: there is no capability of that name; capabilities(7) lists "
		    "them",
			name);
	request->keep_caps |= bit;
}

static void add_variable(struct launch_request *request, const char *name)
{
	if (!environment_is_name(name))
		die("--keep-env %s: not the name of a variable", name);
	const char **names = xreallocarray(
		(const char **)request->keep_env, request->n_keep_env + 1, sizeof(char *));
	names[request->n_keep_env++] = name;
	request->keep_env = names;
}

static void parse_options(struct options *options, int argc, char *argv[])
{
	enum { KEEP_CAP = 256, KEEP_FD, KEEP_ENV, ALLOW_NEW_PRIVS, DRY_RUN, JSON, HELP, VERSION_ };
	static const struct option long_options[] = {
		{"config", required_argument, NULL, 'c'},
		{"user", required_argument, NULL, 'u'},
		{"group", required_argument, NULL, 'g'},
		{"groups", required_argument, NULL, 'G'},
		{"keep-cap", required_argument, NULL, KEEP_CAP},
		{"keep-fd", required_argument, NULL, KEEP_FD},
		{"keep-env", required_argument, NULL, KEEP_ENV},
		{"allow-new-privs", no_argument, NULL, ALLOW_NEW_PRIVS},
		{"dry-run", no_argument, NULL, DRY_RUN},
		{"json", no_argument, NULL, JSON},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	struct launch_request *request = &options->request;
	int option;

	/* "+": the first word that is no option begins the command. */
	while ((option = getopt_long(argc, argv, "+c:u:g:G:v", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			request->config = optarg;
			break;
		case 'u':
			request->user = optarg;
			break;
		case 'g':
			request->group = optarg;
			break;
		case 'G':
			request->groups = optarg;
			break;
		case KEEP_CAP:
			add_capability(request, optarg);
			break;
		case KEEP_FD:
			add_descriptors(request, optarg);
			break;
		case KEEP_ENV:
			add_variable(request, optarg);
			break;
		case ALLOW_NEW_PRIVS:
			request->allow_new_privs = true;
			break;
		case DRY_RUN:
			options->dry_run = true;
			break;
		case JSON:
			options->json = true;
			break;
		case 'v':
			options->verbose = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : LAUNCH_FAILED);
		case VERSION_:
			puts("virt-priv-exec " VERSION);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : LAUNCH_FAILED);
		default:
			die("try: virt-priv-exec --help");
		}
	}
	if (optind == argc)
		die("no COMMAND given; try: virt-priv-exec --help");
	if (options->json && !options->dry_run)
		die("--json goes with --dry-run");
	request->command = argv + optind;
}

int main(int argc, char *argv[])
{
	struct options options = {0};
	struct launch launch;

	log_init("virt-priv-exec", LAUNCH_FAILED);
	launch_fill_standard_descriptors();
	parse_options(&options, argc, argv);
	log_set_verbose(options.verbose);

	launch_plan(&launch, &options.request);
	if (!options.dry_run)
		launch_exec(&launch, "virt-priv-exec");

	cleanup_free char *warning = launch_warning(&launch);
	if (warning)
		warn("%s", warning);
	if (options.json)
		launch_report_json(&launch);
	else
		launch_report(&launch);
	launch_free(&launch);
	free((void *)options.request.keep_fds);
	free((void *)options.request.keep_env);
	return EXIT_SUCCESS;
}
