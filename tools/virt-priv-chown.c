/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-chown: hands the disks of a virtual machine to the account that QEMU runs
 * as, and gives them back to their owners, whatever happened in between.
 *
 * What is claimed comes from a domain XML (domain.h) or from --disk; how a path is
 * opened is in safepath.h, what is remembered in journal.h, the two changes themselves
 * in holding.h and grant.h, and their order in claims.h.
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/process.h"
#include "claims/claim_rounds.h"
#include "claims/damaged.h"
#include "claims/domain_file.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/plan_report.h"
#include "claims/probe.h"
#include "claims/recover_rounds.h"
#include "claims/release_rounds.h"
#include "claims/runtime_dir.h"
#include "claims/status_report.h"
#include "conf/settings.h"
#include "path/place.h"
#include "path/probe.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "virt-priv-chown"
enum { DONE = 0, NOT_DONE = 1, USAGE = 2 };

/* Nothing was changed yet. */
#define die_usage(...) die_status(USAGE, __VA_ARGS__)

static const char usage[] =
	"Usage: virt-priv-chown claim --name VM [--domain XML|-] [--disk "
	"PATH[,readonly][,shared]]...\n"
	"                             [--grant-read] [--pid PID] [--force-in-use PATH]...\n"
	"                             [--dry-run [--json]]\n"
	"       virt-priv-chown add --name VM [--grant-read] [--force-in-use PATH]...\n"
	"                             --disk PATH[,readonly][,shared]...\n"
	"       virt-priv-chown drop --name VM --disk PATH... [--force]\n"
	"       virt-priv-chown release --name VM [[--path PATH] --as-is] [--force]\n"
	"       virt-priv-chown status [--json] [PATH]...\n"
	"       virt-priv-chown recover [--libvirt PATH]... [--dry-run]\n"
	"Hands the writable, exclusive disks of a virtual machine to the user and group of\n"
	"/etc/libvirt/qemu.conf, and gives them back to their owners.\n"
	"\n"
	"      --name VM           the virtual machine\n"
	"      --domain XML        take the disks from this libvirt domain XML; -: standard input\n"
	"      --disk PATH         this disk; with ,readonly or ,shared it stays its owner's and\n"
	"                          must be accessible; a comma in PATH is written twice\n"
	"      --grant-read        let the user read what it can't, by ACL entries\n"
	"      --pid PID           recover releases the claim when this process has ended\n"
	"      --path PATH         of what is claimed, this path alone, as status shows it\n"
	"      --as-is             forget it, and leave what is there as it is; without --path:\n"
	"                          set aside a journal that can't be read\n"
	"      --force-in-use PATH claim PATH though the host has it mounted, or else in use\n"
	"      --force             give back, or forget, what a VM that runs still uses\n"
	"      --libvirt PATH      give the file to the owner that libvirt's attributes name\n"
	"  -c, --config FILE       read the settings from FILE\n"
	"      --dry-run           print what would be done, and change nothing\n"
	"      --json              print JSON\n"
	"  -v, --verbose           say what is done\n"
	"      --help              print this help\n"
	"      --version           print the version\n"
	"\n"
	"Exit status: 0 done, 1 something could not be done, 2 usage or configuration\n"
	"error, nothing changed.\n";

/* Options that only some commands know. */
enum option_bit {
	GIVEN_NAME = 1 << 0,
	GIVEN_DOMAIN = 1 << 1,
	GIVEN_DISK = 1 << 2,
	GIVEN_GRANT_READ = 1 << 3,
	GIVEN_PID = 1 << 4,
	GIVEN_LIBVIRT = 1 << 5,
	GIVEN_CONFIG = 1 << 6,
	GIVEN_DRY_RUN = 1 << 7,
	GIVEN_JSON = 1 << 8,
	GIVEN_PATH = 1 << 9,
	GIVEN_AS_IS = 1 << 10,
	GIVEN_FORCE = 1 << 11,
	GIVEN_FORCE_IN_USE = 1 << 12,
};
static const char *const option_names[] = {"--name", "--domain", "--disk", "--grant-read", "--pid",
	"--libvirt", "--config", "--dry-run", "--json", "--path", "--as-is", "--force",
	"--force-in-use"};

struct options {
	const char *name, *domain, *config, *path;
	const char **disks, **libvirt, **forced;
	size_t n_disks, n_libvirt, n_forced;
	pid_t pid;
	bool grant_read, dry_run, json, force;
	unsigned given; /* of enum option_bit */
	char **paths;
	size_t n_paths;
};

static void append(const char ***list, size_t *n, const char *text)
{
	*list = xreallocarray(*list, *n + 1, sizeof **list);
	(*list)[(*n)++] = text;
}

static pid_t parse_pid(const char *text)
{
	char *end;

	errno = 0;
	long pid = strtol(text, &end, 10);
	if (*text < '0' || *text > '9' || errno || *end || pid <= 0 || pid > INT_MAX)
		die("--pid %s: not a process id", text);
	return (pid_t)pid;
}

static void parse_options(struct options *o, int argc, char *argv[])
{
	enum {
		NAME = 256,
		DOMAIN_,
		DISK,
		GRANT_READ,
		PID,
		LIBVIRT,
		DRY_RUN,
		JSON,
		PATH_,
		AS_IS,
		FORCE,
		FORCE_IN_USE,
		HELP,
		VERSION_
	};
	static const struct option long_options[] = {
		{"name", required_argument, NULL, NAME},
		{"domain", required_argument, NULL, DOMAIN_},
		{"disk", required_argument, NULL, DISK},
		{"grant-read", no_argument, NULL, GRANT_READ},
		{"pid", required_argument, NULL, PID},
		{"libvirt", required_argument, NULL, LIBVIRT},
		{"config", required_argument, NULL, 'c'},
		{"dry-run", no_argument, NULL, DRY_RUN},
		{"json", no_argument, NULL, JSON},
		{"path", required_argument, NULL, PATH_},
		{"as-is", no_argument, NULL, AS_IS},
		{"force", no_argument, NULL, FORCE},
		{"force-in-use", required_argument, NULL, FORCE_IN_USE},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:v", long_options, NULL)) != -1) {
		switch (option) {
		case NAME:
			o->given |= GIVEN_NAME;
			o->name = optarg;
			break;
		case DOMAIN_:
			o->given |= GIVEN_DOMAIN;
			o->domain = optarg;
			break;
		case DISK:
			o->given |= GIVEN_DISK;
			append(&o->disks, &o->n_disks, optarg);
			break;
		case GRANT_READ:
			o->given |= GIVEN_GRANT_READ;
			o->grant_read = true;
			break;
		case PID:
			o->given |= GIVEN_PID;
			o->pid = parse_pid(optarg);
			break;
		case LIBVIRT:
			o->given |= GIVEN_LIBVIRT;
			append(&o->libvirt, &o->n_libvirt, optarg);
			break;
		case 'c':
			o->given |= GIVEN_CONFIG;
			o->config = optarg;
			break;
		case DRY_RUN:
			o->given |= GIVEN_DRY_RUN;
			o->dry_run = true;
			break;
		case JSON:
			o->given |= GIVEN_JSON;
			o->json = true;
			break;
		case PATH_:
			o->given |= GIVEN_PATH;
			o->path = optarg;
			break;
		case AS_IS:
			o->given |= GIVEN_AS_IS;
			break;
		case FORCE:
			o->given |= GIVEN_FORCE;
			o->force = true;
			break;
		case FORCE_IN_USE:
			o->given |= GIVEN_FORCE_IN_USE;
			append(&o->forced, &o->n_forced, optarg);
			break;
		case 'v':
			log_set_verbose(true);
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? DONE : NOT_DONE);
		case VERSION_:
			puts(PROGRAM " " VERSION);
			exit(fflush(stdout) == 0 ? DONE : NOT_DONE);
		default:
			die("try: virt-priv-chown --help");
		}
	}
	o->paths = argv + optind;
	o->n_paths = (size_t)(argc - optind);
}

/* Paths of the command line, made absolute. */
struct paths {
	char **all;
	size_t n;
};

static void free_paths(struct paths *paths)
{
	for (size_t i = 0; i < paths->n; i++)
		free(paths->all[i]);
	free(paths->all);
}
#define cleanup_paths __attribute__((cleanup(free_paths)))

static struct paths absolute_paths(const char *const *given, size_t n)
{
	struct paths paths = {.all = xcalloc(n + 1, sizeof *paths.all), .n = n};

	for (size_t i = 0; i < n; i++) {
		if (!*given[i])
			die_usage("a path is empty");
		paths.all[i] = place_absolute(given[i]);
	}
	return paths;
}

static void add_disks(const struct options *o, struct claim_requests *requests)
{
	cleanup_free char *error = NULL;

	for (size_t i = 0; i < o->n_disks; i++)
		if (!claim_requests_add_disk(requests, o->disks[i], &error))
			die_usage("%s", error);
}

static void need_name(const char *name)
{
	if (!name)
		die_usage("--name VM is missing");
	if (!journal_is_name(name))
		die_usage("--name %s: a name has 1 to 64 letters, digits, \"_\", \".\" and \"-\", "
			  "and "
			  "begins "
			  "with none of the last two",
			name);
}

/*
 * An interrupt from the terminal in the midst of changes would leave them to recover, and so
 * would a message that nobody reads any more.
 */
static void defer_signals(void)
{
	/* The last two would stop it, and with it all who wait for the lock. */
	static const int deferred[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGTSTP, SIGTTOU};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_ELEMENTS(deferred); i++)
		sigaddset(&set, deferred[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* From here on others wait, and an error is one of what could not be done. */
static void begin_changes(void)
{
	journal_lock(true);
	defer_signals();
	log_init(PROGRAM, NOT_DONE);
}

/* What a claim is made of. */
struct claim {
	struct domain *domain; /* NULL: none was given */
	struct claim_requests requests;
	struct settings settings;
	struct paths forced;
	struct claim_rounds rounds;
};

static void end_claim(struct claim *c)
{
	claims_end(&c->rounds.plan);
	free_paths(&c->forced);
	settings_free(&c->settings);
	claim_requests_free(&c->requests);
	domain_free(c->domain);
}
#define cleanup_claim __attribute__((cleanup(end_claim)))

/* The VM, and the account that its disks go to. */
static void read_domain_and_settings(const struct options *o, struct claim *c)
{
	cleanup_free char *error = NULL;

	if (o->domain && !(c->domain = domain_read(o->domain, &error)))
		die_usage("%s", error);
	c->rounds.name = o->name || !c->domain ? o->name : c->domain->name;
	need_name(c->rounds.name);
	settings_read(&c->settings, o->config);
}

static void find_holder(const struct options *o, struct claim *c)
{
	cleanup_free char *error = NULL;

	c->rounds.holder = o->pid;
	if (o->pid && !process_start(o->pid, &c->rounds.holder_start, &error))
		die_usage("--pid %d: %s", o->pid, error);
	if (o->pid && !c->rounds.holder_start)
		die_usage("--pid %d: there is no such process", o->pid);
}

/* Of the domain first. */
static void gather_requests(const struct options *o, struct claim *c)
{
	if (c->domain) {
		c->requests = c->domain->requests;
		c->domain->requests = (struct claim_requests){0};
	}
	add_disks(o, &c->requests);
	c->rounds.requests = &c->requests;
}

/* claim and add: all is planned and told before one thing is changed. */
static int claim(const struct options *o, bool adds)
{
	cleanup_free char *error = NULL;
	cleanup_claim struct claim c = {.rounds = {.adds = adds}};
	struct claims_plan *plan = &c.rounds.plan;

	c.forced = absolute_paths(o->forced, o->n_forced);
	if (!o->domain && o->n_disks == 0)
		die_usage(adds ? "--disk is missing" : "--domain or --disk is missing");
	read_domain_and_settings(o, &c);
	find_holder(o, &c);
	gather_requests(o, &c);
	*plan = (struct claims_plan){.settings = &c.settings,
		.grant_read = o->grant_read,
		.dry_run = o->dry_run,
		.label = c.domain ? c.domain->label : NULL,
		.claimable = {.forced = (const char *const *)c.forced.all, .n_forced = c.forced.n}};
	claim_rounds_look_up(&c.rounds);
	begin_changes();
	if (!claim_rounds_begin(&c.rounds, &error))
		die_usage("%s", error);
	if (!claim_rounds_plan(&c.rounds, &error))
		die("%s", error);
	/* What can't be told must not be done. */
	if (!plan_report(plan, o->json))
		die_errno("can't write to standard output; nothing was changed");
	if (o->dry_run)
		return plan->refused ? NOT_DONE : DONE;
	if (claim_rounds_carry_out(&c.rounds, &error))
		return DONE;
	if (error)
		die("%s", error);
	return NOT_DONE;
}

static int claim_new(const struct options *o)
{
	return claim(o, false);
}

static int add(const struct options *o)
{
	return claim(o, true);
}

/* A name that is misspelt must not pass for done. */
_Noreturn static void die_without_claim(const char *name)
{
	die("the VM %s has no claim; virt-priv-chown status lists them", name);
}

/* All that the VM holds (no disks), or these. */
static int release(const struct options *o, const struct claim_requests *disks)
{
	cleanup_free char *error = NULL;
	struct journal *journal;

	begin_changes();
	if (!claims_probe(o->name, &journal, &error))
		die("%s", error);
	if (!journal)
		die_without_claim(o->name);
	bool good = release_rounds(journal, disks, o->force);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

static int drop(const struct options *o)
{
	struct claim_requests disks = {0};

	need_name(o->name);
	if (o->n_disks == 0)
		die_usage("--disk is missing");
	add_disks(o, &disks);
	claims_probe_requests(&disks);
	int result = release(o, &disks);
	claim_requests_free(&disks);
	return result;
}

/* A journal that can't be read; what is believed of it is released as usual. */
static int set_journal_aside(const struct options *o)
{
	bool all_known = true;

	if (o->force)
		die_usage("release: --force gives back, and --as-is without --path sets a journal "
			  "aside");
	defer_signals();
	log_init(PROGRAM, NOT_DONE);
	switch (claims_set_aside(o->name, &all_known)) {
	case CLAIMS_DAMAGED_NONE:
		die_without_claim(o->name);
	case CLAIMS_DAMAGED_WHOLE:
		die_usage("release: --as-is alone is for a journal that can't be read, and that of "
			  "the VM %s can; --path PATH --as-is forgets one path of it, and without "
			  "both all of the VM is released",
			o->name);
	case CLAIMS_DAMAGED_RELEASE:
		journal_unlock();
		return release(o, NULL) == DONE && all_known ? DONE : NOT_DONE;
	case CLAIMS_DAMAGED_ASIDE:
		return all_known ? DONE : NOT_DONE;
	case CLAIMS_DAMAGED_FAILED:
		break;
	}
	return NOT_DONE;
}

/* One entry that can't be decided, by the path that the journal has: nothing need be there. */
static int forget_path(const struct options *o)
{
	cleanup_free char *error = NULL;
	cleanup_paths struct paths path = absolute_paths(&o->path, 1);
	struct journal *journal;

	probe((const char *const *)path.all, 1);
	begin_changes();
	if (!journal_read(o->name, &journal, &error))
		die("%s", error);
	if (!journal)
		die_without_claim(o->name);
	/* What is forgotten can be another VM's next. */
	cleanup_free char *who = o->force ? NULL : holder_using(journal, path.all[0]);
	if (who)
		die("%s stays claimed: %s; end that first, or forget it all the same: --force",
			path.all[0], who);
	bool good = claims_settle(journal, path.all[0]);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

/* release: all of the VM; or what stays of it, settled by the admin. */
static int release_or_settle(const struct options *o)
{
	need_name(o->name);
	if (!(o->given & (GIVEN_PATH | GIVEN_AS_IS)))
		return release(o, NULL);
	if (!(o->given & GIVEN_AS_IS))
		die_usage("release: --path goes with --as-is; without both, all of the VM is "
			  "released");
	return o->path ? forget_path(o) : set_journal_aside(o);
}

static int recover(const struct options *o)
{
	cleanup_paths struct paths libvirt = absolute_paths(o->libvirt, o->n_libvirt);

	probe((const char *const *)libvirt.all, libvirt.n);
	begin_changes();
	bool good = recover_rounds(libvirt.all, libvirt.n, o->dry_run);
	journal_unlock();
	/* What VMs of virt-priv-run have left beside their claims. */
	good = runtime_dir_recover(o->dry_run) && good;
	return good ? DONE : NOT_DONE;
}

static int status(const struct options *o)
{
	cleanup_paths struct paths paths =
		absolute_paths((const char *const *)o->paths, o->n_paths);

	probe((const char *const *)paths.all, paths.n);
	journal_lock(false);
	log_init(PROGRAM, NOT_DONE);
	return status_report(paths.all, paths.n, o->json) ? DONE : NOT_DONE;
}

/* The commands, and the options that each knows beside --verbose. */
static const struct command {
	const char *name;
	unsigned options;
	bool takes_paths;
	int (*run)(const struct options *o);
} commands[] = {
	{"claim",
		GIVEN_NAME | GIVEN_DOMAIN | GIVEN_DISK | GIVEN_GRANT_READ | GIVEN_PID |
			GIVEN_CONFIG | GIVEN_DRY_RUN | GIVEN_JSON | GIVEN_FORCE_IN_USE,
		false, claim_new},
	{"add",
		GIVEN_NAME | GIVEN_DISK | GIVEN_GRANT_READ | GIVEN_CONFIG | GIVEN_DRY_RUN |
			GIVEN_JSON | GIVEN_FORCE_IN_USE,
		false, add},
	{"drop", GIVEN_NAME | GIVEN_DISK | GIVEN_FORCE, false, drop},
	{"release", GIVEN_NAME | GIVEN_PATH | GIVEN_AS_IS | GIVEN_FORCE, false, release_or_settle},
	{"status", GIVEN_JSON, true, status},
	{"recover", GIVEN_LIBVIRT | GIVEN_DRY_RUN, true, recover},
};

/* An option that a command does not know could change what is meant. */
static const struct command *find_command(struct options *o)
{
	if (o->n_paths == 0)
		die("a command is missing; try: " PROGRAM " --help");
	const char *name = o->paths[0];
	o->paths++;
	o->n_paths--;
	for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
		const struct command *command = &commands[i];
		if (strcmp(command->name, name) != 0)
			continue;
		for (size_t bit = 0; bit < N_ELEMENTS(option_names); bit++)
			if (o->given & ~command->options & 1U << bit)
				die("%s has no option %s; try: " PROGRAM " --help", name,
					option_names[bit]);
		if (o->n_paths > 0 && !command->takes_paths)
			die("%s: a word too many; try: " PROGRAM " --help", o->paths[0]);
		return command;
	}
	die("%s: there is no such command; try: " PROGRAM " --help", name);
}

int main(int argc, char *argv[])
{
	struct options o = {0};

	log_init(PROGRAM, USAGE);
	parse_options(&o, argc, argv);
	const struct command *command = find_command(&o);
	if (command->run == recover) {
		if (o.n_paths > 0 && o.n_libvirt == 0)
			die("%s: a word too many; try: " PROGRAM " --help", o.paths[0]);
		/* recover --libvirt A B C */
		for (size_t i = 0; i < o.n_paths; i++)
			append(&o.libvirt, &o.n_libvirt, o.paths[i]);
	}
	if (command->run != status && o.json && !o.dry_run)
		die("--json goes with --dry-run");
	if (geteuid() != 0)
		die("only root can give files away, and read who holds them; try: sudo " PROGRAM);
	umask(022);

	int result = command->run(&o);
	journal_unlock();
	free(o.disks);
	free(o.libvirt);
	free(o.forced);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_status(NOT_DONE, "can't write to standard output");
	return result;
}
