/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-chown: hands the disks of a virtual machine to the account that QEMU runs
 * as, and gives them back to their owners, whatever happened in between.
 *
 * What is claimed comes from a domain XML (claims/domain_xml.h) or from --disk
 * (claims/request.h); how a path is opened is in path/safepath.h, what is remembered in
 * claims/journal.h, the two changes themselves in claims/owner.h and claims/acl.h, their order in
 * claims/claims.h, and the waiting for what others have locked in claims/lockwait.h.
 */
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include "base/process.h"
#include "claims/claim_rounds.h"
#include "claims/damaged.h"
#include "claims/domain_file.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/journal_file.h"
#include "claims/journal_lock.h"
#include "claims/plan_report.h"
#include "claims/probe.h"
#include "claims/recover_rounds.h"
#include "claims/release_rounds.h"
#include "claims/runtime_recover.h"
#include "claims/status_report.h"
#include "conf/settings.h"
#include "isolate/new_image.h"
#include "isolate/pool_recover.h"
#include "isolate/visit.h"
#include "path/absolute.h"
#include "path/probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM "virt-priv-chown"
enum { DONE = 0, NOT_DONE = 1, USAGE = 2 };

/* Nothing was changed yet. die() is for what could not be done. */
#define die_usage(...) die_status(USAGE, __VA_ARGS__)

struct options {
	const char *name, *domain, *config, *path, *size, *backing;
	struct option_texts disks, devices, libvirt, forced;
	pid_t pid;
	bool grant_read, dry_run, json, as_is, force, verbose;
	char **paths; /* operands */
	size_t n_paths;
};

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
			die_usage("empty path");
		cleanup_free char *error = NULL;
		paths.all[i] = absolute_path(given[i], &error);
		if (!paths.all[i])
			die_usage("%s", error);
	}
	return paths;
}

static void add_disks(const struct options *o, bool are_claimed, struct claim_requests *requests)
{
	cleanup_free char *error = NULL;

	for (size_t i = 0; i < o->disks.n; i++) {
		const char *text = o->disks.items[i];
		cleanup_free char *word =
			are_claimed ? claim_requests_claimed(o->name, text, &error) : xstrdup(text);
		if (!word || !claim_requests_add_disk(requests, word, &error))
			die_usage("%s", error);
	}
	for (size_t i = 0; i < o->devices.n; i++)
		if (!claim_requests_add_device(requests, o->devices.items[i], &error))
			die_usage("%s", error);
}

static void need_name(const char *name)
{
	if (!name)
		die_usage("missing option --name VM");
	if (!journal_is_name(name))
		die_usage(
			"invalid VM name '%s': must match [A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", name);
}

/* From here on others wait. */
static void begin_changes(void)
{
	cleanup_free char *error = NULL;

	if (!journal_lock(true, &error))
		die_usage("%s", error);
	process_defer_signals();
}

/* What a claim is made of. */
struct claim {
	struct domain *domain; /* NULL: none was given */
	struct claim_requests requests;
	struct settings settings;
	struct paths forced;
	struct visit visit;	/* of the VM that is added to */
	struct new_image image; /* --create */
	struct claim_rounds rounds;
};

static void end_claim(struct claim *c)
{
	claims_end(&c->rounds.plan);
	free_paths(&c->forced);
	visit_end(&c->visit);
	new_image_free(&c->image);
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
	if (!settings_read(&c->settings, o->config, &error))
		die_usage("%s", error);
}

/* What is added goes to whom the VM's disks have gone. */
static void read_vm(struct claim *c)
{
	cleanup_free char *error = NULL;
	const struct claimed_vm *vm = &c->visit.vm;

	if (!c->rounds.adds)
		return;
	if (!visit_begin(c->rounds.name, &c->visit, &error))
		die_usage("%s", error);
	if (vm->unclear)
		die_usage("%s", vm->unclear);
	if (c->visit.unknown)
		die("%s; nothing was changed", c->visit.unknown);
	c->rounds.vm = vm;
}

static void find_holder(const struct options *o, struct claim *c)
{
	cleanup_free char *error = NULL;

	c->rounds.holder = o->pid;
	if (o->pid && !process_start(o->pid, &c->rounds.holder_start, &error))
		die_usage("--pid %d: %s", o->pid, error);
	if (o->pid && !c->rounds.holder_start)
		die_usage("--pid %d: no such process", o->pid);
}

/* What is asked for: of the domain first, then of the options. */
static void gather_requests(const struct options *o, struct claim *c)
{
	if (c->domain) {
		c->requests = c->domain->requests;
		c->domain->requests = (struct claim_requests){0};
	}
	add_disks(o, false, &c->requests);
	/* Where it is mounted, QEMU may search every directory. */
	for (size_t i = 0; i < c->requests.n; i++)
		c->requests.all[i].passed = c->visit.root >= 0;
	c->rounds.requests = &c->requests;
	c->rounds.plan = (struct claims_plan){.settings = &c->settings,
		.grant_read = o->grant_read,
		.dry_run = o->dry_run,
		.keeps_objects = c->visit.root >= 0,
		.label = c->domain ? c->domain->label : c->visit.vm.label,
		.claimable = {
			.forced = (const char *const *)c->forced.all, .n_forced = c->forced.n}};
	/* No account has it. */
	if (c->visit.vm.id) {
		struct identity identity = identity_lent(c->visit.vm.id);
		claims_know(&c->rounds.plan, c->visit.vm.label, &identity);
		identity_free(&identity);
	}
}

/* An isolated VM sees what was added. False: it does not, which is said. */
static bool show(const struct claim *c)
{
	cleanup_free char *error = NULL;

	if (c->visit.root < 0 || visit_show(&c->visit, &c->rounds.plan, &error))
		return true;
	warn("%s; it is claimed, but QEMU cannot open it; repeat the command, or give it back: "
	     "virt-priv-chown drop",
		error);
	return false;
}

/* The only disk of the call, which is new. */
static void read_image(const struct options *o, struct claim *c)
{
	cleanup_free char *error = NULL;

	if (o->size && (o->disks.n != 1 || o->devices.n > 0 || o->dry_run))
		die_usage("--create requires a single --disk, and no --dry-run");
	if (!o->size && o->backing)
		die_usage("--backing requires --create");
	if (o->size && !new_image_parse(&c->image, o->size, o->backing, &error))
		die_usage("%s", error);
}

/* All is planned and told before one thing is changed. */
static int claim_all(const struct options *o, struct claim *c, char **error)
{
	begin_changes();
	if (!claim_rounds_begin(&c->rounds, error))
		return USAGE;
	if (!claim_rounds_plan(&c->rounds, error))
		return NOT_DONE;
	/* What can't be told must not be done. */
	if (!plan_report(&c->rounds.plan, o->json)) {
		error_set_errno(error, "cannot write to standard output; nothing was changed");
		return NOT_DONE;
	}
	if (o->dry_run)
		return c->rounds.plan.refused ? NOT_DONE : DONE;
	if (!claim_rounds_carry_out(&c->rounds, error))
		return NOT_DONE;
	c->image.is_made = false;
	return c->rounds.adds && !show(c) ? NOT_DONE : DONE;
}

/* claim and add. */
static int claim(const struct options *o, bool adds)
{
	cleanup_free char *error = NULL;
	cleanup_claim struct claim c = {
		.rounds = {.adds = adds}, .visit = {.namespace = -1, .root = -1}};

	c.forced = absolute_paths(o->forced.items, o->forced.n);
	if (!o->domain && o->disks.n + o->devices.n == 0)
		die_usage("missing option %s or --disk", adds ? "--device" : "--domain");
	read_image(o, &c);
	read_domain_and_settings(o, &c);
	read_vm(&c);
	find_holder(o, &c);
	gather_requests(o, &c);
	if (!claim_rounds_look_up(&c.rounds, &error))
		die_usage("%s", error);
	if (c.image.size && !new_image_make(&c.image, &c.rounds, &error))
		die("%s; nothing was changed", error);
	int status = claim_all(o, &c, &error);
	/* What can't be claimed is of no use. */
	if (c.image.is_made)
		new_image_remove(&c.image);
	if (error)
		die_status(status, "%s", error);
	return status;
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
	die("VM '%s' has no claim; list all: virt-priv-chown status", name);
}

/* All that the VM holds (no disks), or these. vm: as it was read before; NULL: it was not. */
static int release(const struct options *o, const struct claim_requests *disks,
	const struct release_how *how, const struct claimed_vm *vm)
{
	cleanup_free char *error = NULL;
	struct journal *journal;

	begin_changes();
	if (!claims_probe(o->name, &journal, &error))
		die("%s", error);
	if (!journal)
		die_without_claim(o->name);
	if (vm && !claimed_vm_is(vm, journal, &error))
		die("%s", error);
	bool good = release_rounds(journal, disks, how);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

static int release_all(const struct options *o)
{
	return release(o, NULL, &(struct release_how){.force = o->force}, NULL);
}

static int drop(const struct options *o)
{
	cleanup_free char *error = NULL;
	struct claim_requests disks = {0};
	struct visit visit;

	need_name(o->name);
	if (o->disks.n + o->devices.n == 0)
		die_usage("missing option --device or --disk");
	add_disks(o, true, &disks);
	claims_probe_requests(&disks);
	if (!visit_begin(o->name, &visit, &error))
		die("%s", error);
	const struct release_how how = {.force = o->force,
		.hide = visit.root < 0 && !visit.unknown ? NULL : visit_hide,
		.context = &visit};
	int result = release(o, &disks, &how, &visit.vm);
	visit_end(&visit);
	claim_requests_free(&disks);
	return result;
}

/* A journal that can't be read; what is believed of it is released as usual. */
static int set_journal_aside(const struct options *o)
{
	cleanup_free char *error = NULL;
	bool all_known = true;

	if (o->force)
		die_usage("release: --force and --as-is can only be combined with --path");
	process_defer_signals();
	if (!journal_lock(true, &error))
		die("%s", error);
	switch (claims_damaged_set_aside(o->name, &all_known)) {
	case CLAIMS_DAMAGED_NONE:
		die_without_claim(o->name);
	case CLAIMS_DAMAGED_WHOLE:
		die_usage("release: --as-is without --path is for damaged journals, and that of VM "
			  "'%s' is not damaged; to remove one entry: --path PATH --as-is",
			o->name);
	case CLAIMS_DAMAGED_RELEASE:
		journal_unlock();
		return release_all(o) == DONE && all_known ? DONE : NOT_DONE;
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
		die("%s stays claimed: %s; end that process first, or remove the entry "
		    "nevertheless: --force",
			path.all[0], who);
	bool good = claims_settle(journal, path.all[0]);
	journal_free(journal);
	return good ? DONE : NOT_DONE;
}

/* release: all of the VM; or what stays of it, settled by the admin. */
static int release_or_settle(const struct options *o)
{
	need_name(o->name);
	if (!o->path && !o->as_is)
		return release_all(o);
	if (!o->as_is)
		die_usage("release: --path requires --as-is; to release all files of the VM, omit "
			  "both");
	return o->path ? forget_path(o) : set_journal_aside(o);
}

static int recover(const struct options *o)
{
	cleanup_paths struct paths libvirt = absolute_paths(o->libvirt.items, o->libvirt.n);

	probe((const char *const *)libvirt.all, libvirt.n);
	/* What VMs of virt-priv-run have left: first what can write to their files. */
	bool has_ended = pool_recover(o->dry_run);
	begin_changes();
	bool good = recover_rounds(libvirt.all, libvirt.n, o->dry_run);
	journal_unlock();
	good = runtime_dir_recover(o->dry_run) && good;
	/* And of those whose QEMU was about to end. */
	if (has_ended && !o->dry_run)
		has_ended = pool_recover(false);
	return good && has_ended ? DONE : NOT_DONE;
}

static int status(const struct options *o)
{
	cleanup_free char *error = NULL;
	cleanup_paths struct paths paths =
		absolute_paths((const char *const *)o->paths, o->n_paths);

	probe((const char *const *)paths.all, paths.n);
	if (!journal_lock(false, &error))
		die_usage("%s", error);
	return status_report(paths.all, paths.n, o->json) ? DONE : NOT_DONE;
}

enum command { CLAIM, ADD, DROP, RELEASE, STATUS, RECOVER };

static int (*const run[])(const struct options *) = {
	[CLAIM] = claim_new,
	[ADD] = add,
	[DROP] = drop,
	[RELEASE] = release_or_settle,
	[STATUS] = status,
	[RECOVER] = recover,
};

/* The VMs that hold something: another one is claimed. */
#define HOLDERS "$([[ $command == claim ]] || ls /var/lib/virt-privileges/claims 2>/dev/null)"

#define NEW (OPTION_FOR(CLAIM) | OPTION_FOR(ADD))

static const struct option_row rows[] = {
	{"name", 0, "VM", OPTION_WORD, "the name of the VM", OPTION_TEXT(struct options, name),
		.words = HOLDERS, .commands = NEW | OPTION_FOR(DROP) | OPTION_FOR(RELEASE)},
	{"domain", 0, "XML", OPTION_FILE,
		"read the disks from this libvirt domain XML; -: standard input",
		OPTION_TEXT(struct options, domain), .commands = OPTION_FOR(CLAIM)},
	{"disk", 0, "PATH[,readonly][,shared]", OPTION_FILE,
		"a disk (repeatable); with ,readonly or ,shared it keeps its owner, and must be "
		"accessible; a comma in PATH is written twice",
		OPTION_TEXTS(struct options, disks), .commands = NEW | OPTION_FOR(DROP)},
	{"device", 0, "PATH", OPTION_FILE,
		"a device node, such as one of a USB device (repeatable)",
		OPTION_TEXTS(struct options, devices),
		.commands = OPTION_FOR(ADD) | OPTION_FOR(DROP)},
	{"create", 0, "SIZE", OPTION_ANYTHING,
		"create the disk first, as a qcow2 image of that size, such as 20G",
		OPTION_TEXT(struct options, size), .commands = OPTION_FOR(ADD)},
	{"backing", 0, "PATH,FORMAT", OPTION_FILE,
		"with --create: an overlay on PATH, whose format is raw or qcow2",
		OPTION_TEXT(struct options, backing), .commands = OPTION_FOR(ADD)},
	{"grant-read", 0, NULL, OPTION_NONE,
		"grant the user read access by ACL entries where it has none",
		OPTION_FLAG(struct options, grant_read), .commands = NEW},
	{"pid", 0, "PID", OPTION_PROCESS, "recover releases the claim when this process has ended",
		OPTION_PID(struct options, pid), .commands = OPTION_FOR(CLAIM)},
	{"path", 0, "PATH", OPTION_FILE, "only the entry with this path, as shown by status",
		OPTION_TEXT(struct options, path), .commands = OPTION_FOR(RELEASE)},
	{"as-is", 0, NULL, OPTION_NONE,
		"remove the entry, and leave the file as it is; without --path: set a damaged "
		"journal aside",
		OPTION_FLAG(struct options, as_is), .commands = OPTION_FOR(RELEASE)},
	{"force", 0, NULL, OPTION_NONE,
		"release, or remove the entry of, what a running VM still uses",
		OPTION_FLAG(struct options, force),
		.commands = OPTION_FOR(DROP) | OPTION_FOR(RELEASE)},
	{"force-in-use", 0, "PATH", OPTION_FILE,
		"claim PATH although the host uses it (repeatable)",
		OPTION_TEXTS(struct options, forced), .commands = NEW},
	{"libvirt", 0, "PATH", OPTION_FILE,
		"restore the owner that libvirt's attributes of the file name (repeatable)",
		OPTION_TEXTS(struct options, libvirt), .commands = OPTION_FOR(RECOVER)},
	{"config", 'c', "FILE", OPTION_FILE, "read FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, config), .commands = NEW},
	{"dry-run", 0, NULL, OPTION_NONE, "print what would be done, and change nothing",
		OPTION_FLAG(struct options, dry_run), .commands = NEW | OPTION_FOR(RECOVER)},
	{"json", 0, NULL, OPTION_NONE, "print JSON", OPTION_FLAG(struct options, json),
		.commands = NEW | OPTION_FOR(STATUS)},
	{"verbose", 'v', NULL, OPTION_NONE, "print what is done",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

static const struct option_command commands[] = {
	[CLAIM] = {"claim",
		"claim --name VM [--domain XML|-] [--disk PATH[,readonly][,shared]]... "
		"[--grant-read] [--pid PID] [--force-in-use PATH]... [--dry-run [--json]]",
		"claim the disks of a VM for the QEMU user", {0}},
	[ADD] = {"add",
		"add --name VM [--grant-read] [--force-in-use PATH]... "
		"[--disk PATH[,readonly][,shared]]... [--device PATH]... "
		"[--create SIZE [--backing PATH,FORMAT]]",
		"claim further disks and devices for a VM", {0}},
	[DROP] = {"drop", "drop --name VM {--disk PATH | --device PATH}... [--force]",
		"restore the owners of single disks and devices of a VM", {0}},
	[RELEASE] = {"release", "release --name VM [[--path PATH] --as-is] [--force]",
		"restore the owners of all that the VM has claimed", {0}},
	[STATUS] = {"status", "status [--json] [PATH]...",
		"list the claims of all VMs, and the owner of each PATH",
		{0, OPTION_ANY_NUMBER, OPTION_FILE, NULL}},
	[RECOVER] = {"recover", "recover [--libvirt PATH]... [--dry-run]",
		"release what was left behind", {0, OPTION_ANY_NUMBER, OPTION_FILE, NULL}},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.summary = "Change the owner of a virtual machine's writable, exclusive disks to the user "
		   "and group of /etc/libvirt/qemu.conf, and restore their owners.",
	.rows = rows,
	.commands = commands,
	.status = "Exit status: 0 success, 1 something could not be done, 2 usage or configuration "
		  "error, nothing changed.",
};

/* recover --libvirt A B C: B and C are such paths, too. */
static void take_libvirt(struct options *o)
{
	char *extra = o->n_paths > 0 && o->libvirt.n == 0
			      ? options_extra(&tool_options, o->paths[0])
			      : NULL;

	if (extra)
		die_usage("%s", extra);
	for (size_t i = 0; i < o->n_paths; i++)
		option_store_texts(NULL, &o->libvirt, o->paths[i], NULL);
}

/* Returns the command. */
static enum command parse_options(struct options *o, int argc, char *argv[])
{
	struct option_words words;
	cleanup_free char *error = NULL;

	if (!options_parse(&tool_options, argc, argv, o, &words, &error)) {
		if (error)
			die_usage("%s", error);
		exit(fflush(stdout) == 0 ? DONE : NOT_DONE);
	}
	o->paths = words.operands;
	o->n_paths = words.n;
	if (words.command == RECOVER)
		take_libvirt(o);
	if (words.command != STATUS && o->json && !o->dry_run)
		die_usage("--json requires --dry-run");
	if (geteuid() != 0)
		die_usage("must be run as root; try: sudo " PROGRAM);
	return (enum command)words.command;
}

int main(int argc, char *argv[])
{
	struct options o = {0};

	log_init(PROGRAM, NOT_DONE);
	enum command command = parse_options(&o, argc, argv);
	log_set_verbose(o.verbose);
	umask(022);

	int result = run[command](&o);
	journal_unlock();
	if (command == RELEASE && !runtime_note_recover(o.name))
		result = NOT_DONE;
	free(o.disks.items);
	free(o.devices.items);
	free(o.libvirt.items);
	free(o.forced.items);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_status(NOT_DONE, "cannot write to standard output");
	return result;
}
