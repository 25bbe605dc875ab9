/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-chown: hands the disks of a virtual machine to the account that QEMU runs
 * as, and gives them back to their owners, whatever happened in between.
 *
 * What is claimed comes from a domain XML (domain.h) or from --disk; how a path is
 * opened is in safepath.h, what is remembered in journal.h, the two changes themselves
 * in holding.h and grant.h, and their order in claims.h.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/claims.h"
#include "claims/damaged.h"
#include "claims/domain_xml.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal.h"
#include "claims/journal_damage.h"
#include "claims/lockwait.h"
#include "claims/owner.h"
#include "claims/probe.h"
#include "claims/runtime_dir.h"
#include "claims/status_report.h"
#include "conf/settings.h"
#include "path/open_files.h"
#include "path/place.h"
#include "path/probe.h"
#include "path/safepath.h"

#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define PROGRAM "virt-priv-chown"
/* For what is said while others wait. */
#define SAY_SECONDS 5

enum { DONE = 0, NOT_DONE = 1, USAGE = 2 };

/* More than what is printed of ten thousand disks. */
#define STATUS_ROOM ((size_t)16 << 20)

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
/* Who writes the XML says what root gives away. */
static int open_domain(const char *file)
{
	cleanup_free char *absolute = place_absolute(file);
	cleanup_free char *error = NULL;
	struct safepath walk;

	if (!safepath_open(absolute, &walk, &error))
		die("can't open the domain XML %s: %s", file, error);
	if (walk.unsafe)
		die("can't trust the domain XML %s: %s", file, walk.unsafe);
	if (trust_who_can_write(walk.fd, &walk.st, 0) != TRUST_OWNERS) {
		cleanup_free char *why =
			trust_why_not_roots(walk.fd, &walk.st, file, "check what it says");
		die("can't trust the domain XML %s: it is not root's alone (mode %04o, uid %u): "
		    "%s; or let root read it: --domain - <%s",
			file, walk.st.st_mode & 07777, walk.st.st_uid, why, file);
	}
	int fd = safepath_reopen(walk.fd, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		die_errno("can't open the domain XML %s", file);
	safepath_close(&walk);
	return fd;
}

static struct domain *read_domain(const char *file)
{
	bool is_stdin = strcmp(file, "-") == 0;
	const char *name = is_stdin ? "standard input" : file;
	cleanup_fd int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open_domain(file);
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

/*
 * An interrupt from the terminal in the midst of changes would leave them to recover, and so
 * would a message that nobody reads any more.
 */
static void defer_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGPIPE);
	/* What would stop it, and with it all who wait for the lock. */
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
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

/*
 * Others wait for the lock meanwhile: neither a terminal that is stopped nor a pipe that is full
 * holds them up for longer. journal_lock() has a handler for the signal.
 */
static bool tell_plan(const struct options *o, const struct claims_plan *plan)
{
	static const struct itimerval limit = {{0, 10000}, {SAY_SECONDS, 0}}, none;

	setitimer(ITIMER_REAL, &limit, NULL);
	if (o->json)
		print_plan_json(plan);
	else
		print_plan(plan);
	bool is_told = fflush(stdout) == 0 && !ferror(stdout);
	int number = errno;
	setitimer(ITIMER_REAL, &none, NULL);
	errno = number;
	return is_told;
}

static void print_refusals(const struct claims_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (plan->items[i].action == ACTION_REFUSE)
			warn("%s (%s): %s", plan->items[i].path ? plan->items[i].path : "-",
				plan->items[i].source, plan->items[i].reason);
}

static void look_up_users(struct claims_plan *plan, const struct domain *domain, size_t n_disks)
{
	static const struct domain_resource disk = {.treatment = DOMAIN_CLAIM};

	for (size_t i = 0; domain && i < domain->n_resources; i++)
		claims_look_up(plan, &domain->resources[i]);
	if (n_disks > 0)
		claims_look_up(plan, &disk);
}

/* Before others have to wait for it, whether what is named answers. */
static void probe_named(const struct options *o, const struct domain *domain)
{
	size_t n = 0, n_own = 0, n_resources = domain ? domain->n_resources : 0;
	cleanup_free const char **paths =
		xcalloc(o->n_disks + o->n_libvirt + n_resources + 1, sizeof *paths);
	cleanup_free char **own = xcalloc(o->n_disks + o->n_libvirt + 1, sizeof *own);

	for (size_t i = 0; i < n_resources; i++)
		if (domain->resources[i].path)
			paths[n++] = domain->resources[i].path;
	for (size_t i = 0; i < o->n_disks; i++) {
		struct domain_resource resource;
		parse_disk(o->disks[i], &resource);
		paths[n++] = own[n_own++] = xstrdup(resource.path);
		free_resource(&resource);
	}
	for (size_t i = 0; i < o->n_libvirt; i++)
		paths[n++] = own[n_own++] = absolute(o->libvirt[i]);
	probe(paths, n);
	for (size_t i = 0; i < n_own; i++)
		free(own[i]);
}

/* The plan of what is asked for, as things are now. Ends the program if there can't be one. */
static void plan_claim(struct options *o, bool is_new, const struct domain *domain,
	unsigned long long start, struct claims_plan *plan)
{
	cleanup_free char *error = NULL;

	if (!claims_begin(plan, o->name, &error))
		die("%s", error);
	if (!plan->is_new)
		claims_say_kept(plan->journal);
	if (is_new && !plan->is_new) {
		cleanup_free char *advice = holder_advice(plan->journal);
		die_status(NOT_DONE,
			"the VM %s has a claim already; %s; to add a disk to it: virt-priv-chown "
			"add",
			o->name, advice);
	}
	if (!is_new && plan->is_new)
		die_status(NOT_DONE, "the VM %s has no claim to add a disk to", o->name);
	enum claims_hold hold = is_new ? CLAIMS_HELD : claims_hold(plan->journal, &error);
	if (hold == CLAIMS_UNKNOWN)
		die_status(NOT_DONE, "%s", error);
	if (hold == CLAIMS_ABANDONED)
		die_status(NOT_DONE,
			"the claim of the VM %s is of an earlier boot, or its holder has ended; "
			"first: virt-priv-chown recover",
			o->name);
	if (is_new) {
		plan->journal->holder = o->pid;
		plan->journal->holder_start = start;
		plan->journal->holder_namespace = openers_namespace();
	}
	for (size_t i = 0; domain && i < domain->n_resources; i++)
		claims_add(plan, &domain->resources[i]);
	for (size_t i = 0; i < o->n_disks; i++) {
		struct domain_resource resource;
		parse_disk(o->disks[i], &resource);
		claims_add(plan, &resource);
		free_resource(&resource);
	}
	print_refusals(plan);
	/* From here on, an error is one of what could not be done. */
	log_init(PROGRAM, NOT_DONE);
}

/* claim and add: the plan, then what it says. */
static int claim(struct options *o, bool is_new)
{
	struct settings settings;
	struct claims_plan plan = {.settings = &settings,
		.grant_read = o->grant_read,
		.dry_run = o->dry_run,
		.claimable = {.forced = o->forced, .n_forced = o->n_forced}};
	cleanup_free char *error = NULL;
	struct domain *domain = NULL;
	int status = DONE;
	bool good = true;

	for (size_t i = 0; i < o->n_forced; i++)
		o->forced[i] = absolute(o->forced[i]);
	if (!o->domain && o->n_disks == 0)
		die(is_new ? "--domain or --disk is missing" : "--disk is missing");
	if (o->domain)
		domain = read_domain(o->domain);
	if (domain && !o->name)
		o->name = domain->name;
	need_name(o);
	if (!settings_read(&settings, o->config, &error))
		die("%s", error);
	unsigned long long start = o->pid ? openers_start_time(o->pid, &error) : 0;
	if (error)
		die("--pid %d: %s", o->pid, error);
	if (o->pid && !start)
		die("--pid %d: there is no such process", o->pid);
	plan.label = domain ? domain->label : NULL;
	look_up_users(&plan, domain, o->n_disks);
	probe_named(o, domain);
	journal_lock(true);
	defer_signals();
	plan_claim(o, is_new, domain, start, &plan);
	/* What can't be told must not be done. */
	if (!tell_plan(o, &plan))
		die_errno("can't write to standard output; nothing was changed");
	/* What others have locked is waited for, and all is judged anew behind that. */
	while (!plan.refused && !o->dry_run && !claims_carry_out(&plan)) {
		status = NOT_DONE;
		if (!plan.busy || !lockwait_again(&good))
			break;
		claims_restart(&plan);
		plan_claim(o, is_new, domain, start, &plan);
		status = DONE;
	}
	if (plan.refused) {
		if (!o->dry_run)
			warn("nothing was changed");
		status = NOT_DONE;
	} else if (plan.busy) {
		warn("nothing was changed");
	}
	claims_end(&plan);
	for (size_t i = 0; i < o->n_forced; i++)
		free((char *)o->forced[i]);
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

/* Whether what is to be given back (all, without a path) may be; says why not. */
static bool may_give_back(const struct options *o, const struct journal *journal, const char *path)
{
	cleanup_free char *who = o->force ? NULL : holder_using(journal, path);

	if (who && path)
		warn("%s is not given back: %s; have the VM let go of it, or take it away: --force",
			path, who);
	else if (who)
		warn("the VM %s runs: %s; nothing is given back; stop it, or take its disks away: "
		     "--force",
			o->name, who);
	return !who;
}

/* Entries have the name without symbolic links. New. */
static char *path_of_entry(const char *disk)
{
	struct domain_resource resource;
	struct safepath walk;
	cleanup_free char *ignored = NULL;

	parse_disk(disk, &resource);
	char *path =
		xstrdup(safepath_open(resource.path, &walk, &ignored) ? walk.path : resource.path);
	safepath_close(&walk);
	free_resource(&resource);
	return path;
}

static bool is_held(const struct journal *journal, const char *path)
{
	for (size_t i = 0; i < journal->n_entries; i++)
		if (strcmp(journal->entries[i].path, path) == 0)
			return true;
	return false;
}

/* Gives back what is not locked by others: all (no path), or those disks that are due. */
static bool release_round(const struct options *o, bool only_disks, struct journal *journal)
{
	size_t n;
	bool all_read, good = true;
	struct journal **all = journal_read_all(&n, &all_read);

	for (size_t i = 0; i < (only_disks ? o->n_disks : 1); i++) {
		cleanup_free char *path = only_disks ? path_of_entry(o->disks[i]) : NULL;
		if (path && !lockwait_due(path))
			continue;
		if (path && !is_held(journal, path)) {
			warn("%s is not claimed by the VM %s", path, o->name);
			good = false;
			continue;
		}
		good = may_give_back(o, journal, path) &&
		       claims_release(journal, path, false, all, n) && good;
	}
	free_all(all, n);
	return good;
}

/* release (no path) and drop. */
static int release(const struct options *o, bool only_disks)
{
	cleanup_free char *error = NULL;
	struct journal_stamp before, now;
	struct journal *journal;
	bool good = true, again;

	need_name(o);
	if (only_disks && o->n_disks == 0)
		die("--disk is missing");
	probe_named(o, NULL);
	journal_lock(true);
	defer_signals();
	log_init(PROGRAM, NOT_DONE);
	if (!claims_probe(o->name, &journal, &error))
		die_status(NOT_DONE, "%s", error);
	/* A name that is misspelt must not pass for done. */
	if (!journal)
		die_status(NOT_DONE, "the VM %s has no claim; virt-priv-chown status lists them",
			o->name);
	do {
		good = release_round(o, only_disks, journal) && good;
		again = journal_stamp(o->name, &before) && lockwait_again(&good);
		/* The claim that is there now may be another one, of a VM that runs. */
		if (again && (!journal_stamp(o->name, &now) || !journal_same(&before, &now))) {
			warn("the claim of the VM %s was changed by somebody else meanwhile; what "
			     "is left of it is shown by: virt-priv-chown status",
				o->name);
			again = good = false;
		}
	} while (again);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

static bool recover_libvirt(const char *given, bool dry_run)
{
	cleanup_free char *path = absolute(given);
	cleanup_free char *message = NULL;
	struct safepath walk;
	bool good = false, busy = false;

	if (!lockwait_due(path))
		return true;
	if (!safepath_open(path, &walk, &message)) {
		warn("%s", message);
		return false;
	}
	if (walk.unsafe)
		warn("%s", walk.unsafe);
	else
		good = holding_recover_libvirt(walk.fd, &walk.st, dry_run, &busy, &message);
	/* That is told when it was waited for. */
	if (busy)
		lockwait_add(walk.fd, path, false);
	else if (!walk.unsafe && !good)
		warn("%s: %s", path, message);
	else if (message && dry_run)
		printf("recover %s %s\n", path, message);
	else if (message)
		info("%s: %s", path, message);
	safepath_close(&walk);
	return good || busy;
}

static bool recover_round(const struct options *o, bool is_first)
{
	size_t n;
	bool good = true;
	struct journal **all = claims_probe_all(&n, &good, true);
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *error = NULL;
		enum claims_hold hold = claims_hold(all[i], &error);
		if (hold == CLAIMS_UNKNOWN) {
			if (is_first)
				warn("%s; nothing of it is given back", error);
			good = false;
		}
		if (hold != CLAIMS_ABANDONED)
			continue;
		if (o->dry_run) {
			printf("release %s\n", all[i]->name);
			continue;
		}
		if (is_first)
			info("the claim of the VM %s is abandoned", all[i]->name);
		good = claims_release(all[i], NULL, true, all, n) && good;
	}
	free_all(all, n);
	for (size_t i = 0; i < o->n_libvirt; i++)
		good = recover_libvirt(o->libvirt[i], o->dry_run) && good;
	return good;
}

static int recover(struct options *o)
{
	bool good;

	probe_named(o, NULL);
	journal_lock(true);
	defer_signals();
	log_init(PROGRAM, NOT_DONE);
	good = recover_round(o, true);
	while (lockwait_again(&good))
		good = recover_round(o, false) && good;
	journal_unlock();
	/* What VMs of virt-priv-run have left beside their claims. */
	good = runtime_dir_recover(o->dry_run) && good;
	return good ? DONE : NOT_DONE;
}

static int status(struct options *o)
{
	cleanup_free char **paths = xcalloc(o->n_paths, sizeof(char *));
	size_t n;
	bool good;

	for (size_t i = 0; i < o->n_paths; i++)
		paths[i] = absolute(o->paths[i]);
	probe((const char *const *)paths, o->n_paths);
	/* It is printed behind the lock: who reads it can take a while. */
	setvbuf(stdout, xmalloc(STATUS_ROOM), _IOFBF, STATUS_ROOM);
	journal_lock(false);
	struct journal **all = claims_probe_all(&n, &good, false);
	size_t n_damaged;
	struct journal_damage *damaged = journal_damage_list(&n_damaged);
	log_init(PROGRAM, NOT_DONE);
	if (!o->json)
		status_report_damaged(damaged, n_damaged);
	bool reached = o->json ? status_report_json(all, n, damaged, n_damaged, paths, o->n_paths)
			       : status_report(all, n, paths, o->n_paths);
	journal_unlock();
	journal_damage_free(damaged, n_damaged);
	for (size_t i = 0; i < o->n_paths; i++)
		free(paths[i]);
	free_all(all, n);
	return good && reached ? DONE : NOT_DONE;
}

/* The commands, and the options that each knows beside --verbose. */
static int add(struct options *o)
{
	return claim(o, false);
}

static int claim_new(struct options *o)
{
	return claim(o, true);
}

static int drop(struct options *o)
{
	return release(o, true);
}

/* A journal that can't be read; what is believed of it is released as usual. */
static int settle_damaged(const struct options *o)
{
	bool all_known = true;

	defer_signals();
	log_init(PROGRAM, NOT_DONE);
	switch (claims_set_aside(o->name, &all_known)) {
	case CLAIMS_DAMAGED_NONE:
		die_status(NOT_DONE, "the VM %s has no claim; virt-priv-chown status lists them",
			o->name);
	case CLAIMS_DAMAGED_WHOLE:
		die_status(USAGE,
			"release: --as-is alone is for a journal that can't be read, and that of "
			"the VM %s can; --path PATH --as-is forgets one path of it, and without "
			"both all of the VM is released",
			o->name);
	case CLAIMS_DAMAGED_RELEASE:
		journal_unlock();
		return release(o, false) == DONE && all_known ? DONE : NOT_DONE;
	case CLAIMS_DAMAGED_ASIDE:
		return all_known ? DONE : NOT_DONE;
	case CLAIMS_DAMAGED_FAILED:
		break;
	}
	return NOT_DONE;
}

/* One entry that can't be decided, by the path that the journal has: nothing need be there. */
static int settle(const struct options *o)
{
	cleanup_free char *error = NULL;
	cleanup_free char *path = NULL;
	struct journal *journal;

	need_name(o);
	if (!(o->given & GIVEN_AS_IS))
		die("release: --path goes with --as-is; without both, all of the VM is released");
	if (!o->path && o->force)
		die("release: --force gives back, and --as-is without --path sets a journal aside");
	if (!o->path)
		return settle_damaged(o);
	path = absolute(o->path);
	probe((const char *const[]){path}, 1);
	journal_lock(true);
	defer_signals();
	log_init(PROGRAM, NOT_DONE);
	if (!journal_read(o->name, &journal, &error))
		die_status(NOT_DONE, "%s", error);
	if (!journal)
		die_status(NOT_DONE, "the VM %s has no claim; virt-priv-chown status lists them",
			o->name);
	/* What is forgotten can be another VM's next. */
	cleanup_free char *who = o->force ? NULL : holder_using(journal, path);
	if (who)
		die_status(NOT_DONE,
			"%s stays claimed: %s; end that first, or forget it all the same: --force",
			path, who);
	bool good = claims_settle(journal, path);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

static int release_all(struct options *o)
{
	if (o->given & (GIVEN_PATH | GIVEN_AS_IS))
		return settle(o);
	return release(o, false);
}

static const struct command {
	const char *name;
	unsigned options;
	bool takes_paths;
	int (*run)(struct options *o);
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
	{"release", GIVEN_NAME | GIVEN_PATH | GIVEN_AS_IS | GIVEN_FORCE, false, release_all},
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
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		const struct command *command = &commands[i];
		if (strcmp(command->name, name) != 0)
			continue;
		for (size_t bit = 0; bit < sizeof option_names / sizeof *option_names; bit++)
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
