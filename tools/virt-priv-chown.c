/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-chown: hands the disks of a virtual machine to the account that QEMU runs
 * as, and gives them back to their owners, whatever happened in between.
 *
 * What is claimed comes from a domain XML (domain.h) or from --disk; how a path is
 * opened is in safepath.h, what is remembered in journal.h, the two changes themselves
 * in holding.h and grant.h, and their order in claims.h.
 */
#include "claims.h"
#include "cleanup.h"
#include "domain.h"
#include "holding.h"
#include "journal.h"
#include "log.h"
#include "openers.h"
#include "safepath.h"
#include "settings.h"
#include "status_report.h"

#include "json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DONE = 0, NOT_DONE = 1, USAGE = 2 };

static const char usage[] =
	"Usage: virt-priv-chown claim --name VM [--domain XML|-] [--disk "
	"PATH[,readonly][,shared]]...\n"
	"                             [--grant-read] [--pid PID] [--dry-run [--json]]\n"
	"       virt-priv-chown add --name VM [--grant-read] --disk PATH[,readonly][,shared]...\n"
	"       virt-priv-chown drop --name VM --disk PATH...\n"
	"       virt-priv-chown release --name VM\n"
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

struct options {
	const char *name, *domain, *config;
	const char **disks, **libvirt;
	size_t n_disks, n_libvirt;
	pid_t pid;
	bool grant_read, dry_run, json;
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
	enum { NAME = 256, DOMAIN_, DISK, GRANT_READ, PID, LIBVIRT, DRY_RUN, JSON, HELP, VERSION_ };
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
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:v", long_options, NULL)) != -1) {
		switch (option) {
		case NAME:
			o->name = optarg;
			break;
		case DOMAIN_:
			o->domain = optarg;
			break;
		case DISK:
			append(&o->disks, &o->n_disks, optarg);
			break;
		case GRANT_READ:
			o->grant_read = true;
			break;
		case PID:
			o->pid = parse_pid(optarg);
			break;
		case LIBVIRT:
			append(&o->libvirt, &o->n_libvirt, optarg);
			break;
		case 'c':
			o->config = optarg;
			break;
		case DRY_RUN:
			o->dry_run = true;
			break;
		case JSON:
			o->json = true;
			break;
		case 'v':
			log_set_verbose(true);
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? DONE : NOT_DONE);
		case VERSION_:
			puts("virt-priv-chown " VERSION);
			exit(fflush(stdout) == 0 ? DONE : NOT_DONE);
		default:
			die("try: virt-priv-chown --help");
		}
	}
	o->paths = argv + optind;
	o->n_paths = (size_t)(argc - optind);
}

/* A path of the command line, absolute; new. */
static char *absolute(const char *path)
{
	char here[PATH_MAX];

	if (path[0] == '/')
		return xstrdup(path);
	if (!path[0])
		die("a path is empty");
	if (!getcwd(here, sizeof here))
		die_errno("%s is relative, and the current directory can't be told", path);
	return xasprintf("%s/%s", here, path);
}

/* "PATH[,readonly][,shared]", in which ",," is a comma of the path. */
static void parse_disk(const char *text, struct domain_resource *resource)
{
	cleanup_free char *path = xstrdup(text);
	char *to = path;
	const char *p = text;
	bool read_only = false;

	for (; *p && !(p[0] == ',' && p[1] != ','); p++) {
		if (*p == ',')
			p++;
		*to++ = *p;
	}
	*to = '\0';
	*resource = (struct domain_resource){.kind = DOMAIN_DISK};
	while (*p == ',') {
		size_t n = strcspn(++p, ",");
		if (n == strlen("readonly") && strncmp(p, "readonly", n) == 0)
			read_only = true;
		else if (n == strlen("shared") && strncmp(p, "shared", n) == 0)
			resource->shared = true;
		else
			die("--disk %s: behind the path, \"readonly\" or \"shared\" was expected, "
			    "not \"%.*s\"; a comma in a path is written twice",
				text, (int)n, p);
		p += n;
	}
	resource->path = absolute(path);
	resource->source = xstrdup("--disk");
	resource->treatment = read_only || resource->shared ? DOMAIN_CHECK_READ : DOMAIN_CLAIM;
	/* A shared disk that is read-only is only read. */
	if (read_only)
		resource->shared = false;
	resource->reason = xstrdup(read_only	      ? "read-only"
				   : resource->shared ? "shared"
						      : "writable, exclusive");
}

static void free_resource(struct domain_resource *resource)
{
	free(resource->path);
	free(resource->source);
	free(resource->reason);
}

/* All of the XML, however it is given. */
static struct domain *read_domain(const char *file)
{
	bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "standard input" : file;
	cleanup_fd int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3)
				     : open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	cleanup_free char *text = NULL;
	cleanup_free char *error = NULL;
	size_t length = 0, room = 0;

	if (fd < 0)
		die_errno("can't open the domain XML %s", name);
	for (;;) {
		if (length == room)
			text = xreallocarray(text, room = room ? 2 * room : 65536, 1);
		ssize_t n = read(fd, text + length, room - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die_errno("can't read the domain XML %s", name);
		if (n == 0)
			break;
		length += (size_t)n;
		if (length > DOMAIN_MAX_SIZE)
			die("%s is larger than %zu bytes, and no domain XML", name,
				DOMAIN_MAX_SIZE);
	}
	struct domain *domain = domain_parse(name, text, length, &error);
	if (!domain)
		die("%s", error);
	return domain;
}

static void need_name(const struct options *o)
{
	if (!o->name)
		die("--name VM is missing");
	if (!journal_is_name(o->name))
		die("--name %s: a name has 1 to 64 letters, digits, \"_\", \".\" and \"-\", and "
		    "begins "
		    "with none of the last two",
			o->name);
}

/* The plan as JSON (tests/schema/virt-priv-chown-claim.json). */
static void print_plan_json(const struct claims_plan *plan)
{
	json_begin_object(NULL);
	json_integer("version", 1);
	json_bytes("name", plan->journal->name);
	json_begin_array("resources");
	for (size_t i = 0; i < plan->n_items; i++) {
		const struct claims_item *item = &plan->items[i];
		json_begin_object(NULL);
		json_bytes("path", item->path);
		json_bytes("kind", domain_kind_name(item->kind));
		json_bytes("access", item->writable ? "rw" : "ro");
		json_bytes("action", claims_action_name(item->action));
		json_bytes("source", item->source);
		json_bytes("reason", item->reason);
		json_end_object();
	}
	json_end_array();
	json_end_object();
	json_finish();
}

static void print_plan(const struct claims_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++) {
		const struct claims_item *item = &plan->items[i];
		cleanup_free char *line =
			xasprintf("%-7s %s (%s: %s)", claims_action_name(item->action),
				item->path ? item->path : "-", item->source, item->reason);
		cleanup_free char *safe = log_escape(line);
		puts(safe);
	}
}

static void print_refusals(const struct claims_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].action == ACTION_REFUSE)
			warn("%s (%s): %s", plan->items[i].path ? plan->items[i].path : "-",
				plan->items[i].source, plan->items[i].reason);
}

/* claim and add: the plan, then what it says. */
static int claim(struct options *o, bool is_new)
{
	struct settings settings;
	struct claims_plan plan = {.settings = &settings, .grant_read = o->grant_read};
	cleanup_free char *error = NULL;
	struct domain *domain = NULL;
	int status = DONE;

	if (!o->domain && o->n_disks == 0)
		die(is_new ? "--domain or --disk is missing" : "--disk is missing");
	if (o->domain)
		domain = read_domain(o->domain);
	if (domain && !o->name)
		o->name = domain->name;
	need_name(o);
	settings_read(&settings, o->config);
	unsigned long long start = o->pid ? openers_start_time(o->pid) : 0;
	if (o->pid && !start)
		die("--pid %d: there is no such process", o->pid);
	journal_lock(true);
	if (!claims_begin(&plan, o->name, &error))
		die("%s", error);
	if (is_new && !plan.is_new)
		die_status(NOT_DONE,
			"the VM %s has a claim already; end it with: virt-priv-chown release "
			"--name "
			"%s, or add a disk to it with: virt-priv-chown add",
			o->name, o->name);
	if (!is_new && plan.is_new)
		die_status(NOT_DONE, "the VM %s has no claim to add a disk to", o->name);
	if (is_new) {
		plan.journal->holder = o->pid;
		plan.journal->holder_start = start;
	}
	plan.label = domain ? domain->label : NULL;
	for (size_t i = 0; domain && i < domain->n_resources; i++)
		claims_add(&plan, &domain->resources[i]);
	for (size_t i = 0; i < o->n_disks; i++) {
		struct domain_resource resource;
		parse_disk(o->disks[i], &resource);
		claims_add(&plan, &resource);
		free_resource(&resource);
	}
	print_refusals(&plan);
	if (o->json)
		print_plan_json(&plan);
	else
		print_plan(&plan);
	if (plan.refused) {
		if (!o->dry_run)
			warn("nothing was changed");
		status = NOT_DONE;
	} else if (!o->dry_run && !claims_carry_out(&plan)) {
		status = NOT_DONE;
	}
	claims_end(&plan);
	domain_free(domain);
	settings_free(&settings);
	return status;
}

static void free_all(struct journal **all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		journal_free(all[i]);
	free(all);
}

/* release (no path) and drop. */
static int release(const struct options *o, bool only_disks)
{
	cleanup_free char *error = NULL;
	struct journal *journal;
	size_t n;
	bool all_read, good = true;

	need_name(o);
	if (only_disks && o->n_disks == 0)
		die("--disk is missing");
	journal_lock(true);
	if (!journal_read(o->name, &journal, &error))
		die_status(NOT_DONE, "%s", error);
	/* A name that is misspelt must not pass for done. */
	if (!journal)
		die_status(NOT_DONE, "the VM %s has no claim; virt-priv-chown status lists them",
			o->name);
	struct journal **all = journal_read_all(&n, &all_read);
	for (size_t i = 0; i < (only_disks ? o->n_disks : 1); i++) {
		cleanup_free char *path = NULL;
		if (only_disks) {
			struct domain_resource resource;
			struct safepath walk;
			cleanup_free char *ignored = NULL;
			parse_disk(o->disks[i], &resource);
			/* Entries have the name without symbolic links. */
			if (safepath_open(resource.path, &walk, &ignored))
				path = xstrdup(walk.path);
			else
				path = xstrdup(resource.path);
			safepath_close(&walk);
			free_resource(&resource);
			bool held = false;
			for (size_t j = 0; j < journal->n_entries; j++)
				held = held || strcmp(journal->entries[j].path, path) == 0;
			if (!held) {
				warn("%s is not claimed by the VM %s", path, o->name);
				good = false;
				continue;
			}
		}
		good = claims_release(journal, path, false, all, n) && good;
	}
	journal_free(journal);
	free_all(all, n);
	return good ? DONE : NOT_DONE;
}

static bool recover_libvirt(const char *given, bool dry_run)
{
	cleanup_free char *path = absolute(given);
	cleanup_free char *message = NULL;
	struct safepath walk;
	bool good = false;

	if (!safepath_open(path, &walk, &message)) {
		warn("%s", message);
		return false;
	}
	if (walk.unsafe)
		warn("%s", walk.unsafe);
	else if (dry_run)
		good = true;
	else
		good = holding_recover_libvirt(walk.fd, &walk.st, &message);
	if (!walk.unsafe && !dry_run && !good)
		warn("%s: %s", path, message);
	else if (message)
		info("%s: %s", path, message);
	safepath_close(&walk);
	return good;
}

static int recover(const struct options *o)
{
	size_t n;
	bool good = true;

	journal_lock(true);
	struct journal **all = journal_read_all(&n, &good);
	for (size_t i = 0; i < n; i++) {
		if (!claims_is_abandoned(all[i]))
			continue;
		if (o->dry_run) {
			printf("release %s\n", all[i]->name);
			continue;
		}
		info("the claim of the VM %s is abandoned", all[i]->name);
		good = claims_release(all[i], NULL, true, all, n) && good;
	}
	if (!o->dry_run)
		journal_tidy();
	free_all(all, n);
	for (size_t i = 0; i < o->n_libvirt; i++)
		good = recover_libvirt(o->libvirt[i], o->dry_run) && good;
	return good ? DONE : NOT_DONE;
}

static int status(const struct options *o)
{
	cleanup_free char **paths = xcalloc(o->n_paths, sizeof(char *));
	size_t n;
	bool good;

	journal_lock(false);
	struct journal **all = journal_read_all(&n, &good);
	for (size_t i = 0; i < o->n_paths; i++)
		paths[i] = absolute(o->paths[i]);
	if (o->json)
		status_report_json(all, n, paths, o->n_paths);
	else
		status_report(all, n, paths, o->n_paths);
	for (size_t i = 0; i < o->n_paths; i++)
		free(paths[i]);
	free_all(all, n);
	return good ? DONE : NOT_DONE;
}

/* An interrupt from the terminal in the midst of changes would leave them to recover. */
static void defer_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int main(int argc, char *argv[])
{
	struct options o = {0};
	int result;

	log_init("virt-priv-chown", USAGE);
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0))
		parse_options(&o, argc, argv);
	if (argc < 2)
		die("a command is missing; try: virt-priv-chown --help");
	const char *command = argv[1];
	parse_options(&o, argc - 1, argv + 1);
	if (o.n_paths > 0 && strcmp(command, "recover") == 0 && o.n_libvirt > 0)
		for (size_t i = 0; i < o.n_paths; i++)
			append(&o.libvirt, &o.n_libvirt, o.paths[i]);
	else if (o.n_paths > 0 && strcmp(command, "status") != 0)
		die("%s: a word too many; try: virt-priv-chown --help", o.paths[0]);
	if (geteuid() != 0)
		die("only root can give files away, and read who holds them; try: sudo "
		    "virt-priv-chown");
	umask(022);
	defer_signals();

	if (strcmp(command, "claim") == 0)
		result = claim(&o, true);
	else if (strcmp(command, "add") == 0)
		result = claim(&o, false);
	else if (strcmp(command, "release") == 0)
		result = release(&o, false);
	else if (strcmp(command, "drop") == 0)
		result = release(&o, true);
	else if (strcmp(command, "status") == 0)
		result = status(&o);
	else if (strcmp(command, "recover") == 0)
		result = recover(&o);
	else
		die("%s: there is no such command; try: virt-priv-chown --help", command);
	free(o.disks);
	free(o.libvirt);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_status(NOT_DONE, "can't write to standard output");
	return result;
}
