/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-run: runs a QEMU command line that was written for root, as the account of
 * qemu.conf and without any capability. What root was needed for is prepared as root, passed,
 * and given back when QEMU has ended.
 */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/option_rules.h"
#include "base/options.h"
#include "claims/journal.h"
#include "launch/launch.h"
#include "path/absolute.h"
#include "vm/limits.h"
#include "vm/list.h"
#include "vm/obstacles.h"
#include "vm/qemu_command.h"
#include "vm/report.h"
#include "vm/run.h"
#include "vm/run_as.h"
#include "vm/running.h"
#include "vm/runtime.h"
#include "vm/stop.h"
#include "vm/supervise.h"
#include "vm/trusted_file.h"
#include "vm/verdict.h"
#include "vm/vm.h"
#include "vm/vm_file.h"
#include "vm/write_unit.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-priv-run"
/* As long as libvirt's libvirt-guests waits for a guest at least. */
#define STOP_SECONDS 60

struct options {
	const char *name, *config, *vm, *stop, *write_unit;
	enum vm_images images;
	enum isolate_mode isolate;
	struct option_texts share;
	bool share_network;
	struct option_texts backing, forced;
	bool grant_read;
	unsigned timeout;
	bool list, kill, check, all_running, dry_run, json, verbose;
	pid_t *pids; /* --pid */
	size_t n_pids;
	char **command; /* NULL-terminated */
	uint64_t given; /* see base/option_rules.h */
};

static bool store_name(const struct option_row *row, void *field, const char *word, char **error)
{
	if (journal_is_name(word))
		return option_store_text(row, field, word, error);
	*error =
		xasprintf("--%s: invalid VM name '%s': must match [A-Za-z0-9_][A-Za-z0-9_.-]{0,63}",
			row->name, word);
	return false;
}

static bool add_pid(const struct option_row *row, void *field, const char *text, char **error)
{
	struct options *o = field;
	pid_t pid;

	if (!option_store_pid(row, &pid, text, error))
		return false;
	ARRAY_GROW(o->pids, o->n_pids);
	o->pids[o->n_pids++] = pid;
	return true;
}

#define OPTION_NAME(member) .store = store_name, .offset = offsetof(struct options, member)

/* The VMs that have a file. */
#define VMS "$(ls " VM_FILE_DIR " 2>/dev/null | sed -n \"s/[.]conf$//p\")"

/* Those that are there. */
#define RUNNING "$(ls -A /run/virt-privileges 2>/dev/null | sed -n \"s/^[.]\\(.*\\)[.]vm$/\\1/p\")"

static const struct option_row rows[] = {
	{"name", 0, "VM", OPTION_ANYTHING, "the name of the VM (default: that of QEMU's -name)",
		OPTION_NAME(name)},
	{"disks", 0, "=HOW", OPTION_WORD,
		"claim: the QEMU user owns the disks while QEMU is running (the default); pass: "
		"open them as root, and pass descriptors; leave: do not handle them",
		OPTION_CHOICE(struct options, images), .words = "claim pass leave"},
	{"isolate", 0, "=HOW", OPTION_WORD,
		"full: isolate QEMU from other VMs and the host; user: give it a user id of its "
		"own; none: not even the default namespaces, filter and Landlock",
		OPTION_CHOICE(struct options, isolate), .words = "none user full"},
	{"backing", 0, "PATH", OPTION_FILE, "allow image headers to name PATH (repeatable)",
		OPTION_TEXTS(struct options, backing)},
	{"grant-read", 0, NULL, OPTION_NONE,
		"let the QEMU user read what is only read, by ACL entries, while QEMU is running",
		OPTION_FLAG(struct options, grant_read)},
	{"share", 0, "PATH[,ro]", OPTION_FILE,
		"with --isolate=full: let QEMU see PATH of the host, too (repeatable)",
		OPTION_TEXTS(struct options, share)},
	{"share-network", 0, NULL, OPTION_NONE,
		"with --isolate=full: let QEMU use the network of the host",
		OPTION_FLAG(struct options, share_network)},
	{"force-in-use", 0, "PATH", OPTION_FILE,
		"allow QEMU to write PATH although the host uses it (repeatable)",
		OPTION_TEXTS(struct options, forced)},
	{"config", 'c', "FILE", OPTION_FILE, "read FILE instead of /etc/libvirt/qemu.conf",
		OPTION_TEXT(struct options, config)},
	{"check", 0, NULL, OPTION_NONE, "list what would prevent the start, and change nothing",
		OPTION_FLAG(struct options, check)},
	{"all-running", 0, NULL, OPTION_NONE,
		"with --check: check the command line of each QEMU that runs as root now",
		OPTION_FLAG(struct options, all_running)},
	{"pid", 0, "PID", OPTION_PROCESS,
		"with --check: check the command line of this QEMU (repeatable)",
		OPTION_CALL(add_pid)},
	{"dry-run", 0, NULL, OPTION_NONE, "print what would be done, and change nothing",
		OPTION_FLAG(struct options, dry_run)},
	{"json", 0, NULL, OPTION_NONE, "with --check, --dry-run or --list: print JSON",
		OPTION_FLAG(struct options, json)},
	{"vm", 0, "NAME", OPTION_WORD, "read the command line from " VM_FILE_DIR "/NAME.conf",
		OPTION_NAME(vm), .words = VMS},
	{"write-unit", 0, "NAME", OPTION_ANYTHING,
		"write the command line into " VM_FILE_DIR "/NAME.conf, check it, and say how the "
		"VM is started as a unit",
		OPTION_NAME(write_unit)},
	{"list", 0, NULL, OPTION_NONE, "list the VMs that virt-priv-run has started",
		OPTION_FLAG(struct options, list)},
	{"stop", 0, "NAME", OPTION_WORD,
		"ask a VM to power down, and wait until it has: then the exit status is 0, else 1",
		OPTION_NAME(stop), .words = RUNNING},
	{"timeout", 0, "SECONDS", OPTION_ANYTHING, "with --stop: how long to wait (default: 60)",
		OPTION_SECONDS(struct options, timeout)},
	{"kill", 0, NULL, OPTION_NONE,
		"with --stop: kill QEMU if it has not exited by then; with --timeout 0: at once",
		OPTION_FLAG(struct options, kill)},
	{"verbose", 'v', NULL, OPTION_NONE, "print what is done",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.synopsis = "[OPTION]... [--] QEMU [ARG]...\n"
		    "[OPTION]... --vm NAME\n"
		    "[OPTION]... --write-unit NAME [--] QEMU [ARG]...\n"
		    "[OPTION]... --check {--all-running | --pid PID [--pid PID]...}\n"
		    "--list [--json]\n"
		    "--stop NAME [--timeout SECONDS] [--kill] [--dry-run]",
	.summary = "Run a QEMU command line as the account of qemu.conf, with no capability in any "
		   "set. What needs root is prepared as root, and restored when QEMU exits.",
	.rows = rows,
	.operands = {0, OPTION_ANY_NUMBER, OPTION_COMMAND, NULL},
	.in_order = true,
	.status = "Exit status: 125 if virt-priv-run itself fails or refuses, 126 if QEMU cannot "
		  "be executed, 127 if it cannot be found, else that of QEMU, or 128+N if it was "
		  "terminated by signal N. With --check and --write-unit: 0 no obstacle, 1 "
		  "obstacles. With --stop: 0 QEMU has exited and everything is released, else 1. "
		  "With --list: 1 if a VM cannot be determined.",
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
	o->command = words.operands;
	o->given |= words.given;
}

/* Standard output is written, or the program ends. Returns status. */
static int written(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("cannot write to standard output");
	return status;
}

/* Of --check. name: of the VM; NULL: it has none yet. Returns the exit status. */
static int report_check(const struct options *o, const char *name, struct obstacles *obstacles)
{
	bool is_free = obstacles->n == 0;

	if (o->json) {
		json_begin_object(NULL);
		json_integer("version", 1);
		obstacles_json(obstacles, name);
		json_end_object();
		json_finish();
	} else {
		obstacles_print(obstacles, "");
	}
	obstacles_free(obstacles);
	return written(is_free ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Ends the program where the file has what its format has no meaning for. */
static void check_vm_file(const struct options *o, const char *path, const char *text)
{
	struct obstacles obstacles = {0};

	vm_file_check(path, text, &tool_options, &obstacles);
	if (obstacles.n == 0)
		return;
	if (o->check)
		exit(report_check(o, o->vm, &obstacles));
	for (size_t i = 0; i < obstacles.n; i++)
		log_error("%s", obstacles.all[i].message);
	die("%s: not starting; nothing was changed", path);
}

/* Whether it is about QEMUs that run already. */
static bool checks_running(const struct options *o)
{
	return o->all_running || o->n_pids > 0;
}

/* Options that go with those that say what QEMU is run as. */
#define HOW "config disks isolate backing grant-read share share-network force-in-use verbose "

static const struct option_rule rules_of_options[] = {
	{"list", .only = "json verbose"},
	{"stop", .only = "timeout kill dry-run verbose"},
	{"write-unit", .only = HOW "name"},
	{"pid", .needs = "check", .only = HOW "check json"},
	{"all-running", .needs = "check", .only = HOW "check json"},
	{"check", .bars = "dry-run"},
	{"json", .needs = "check dry-run list"},
	{"kill", .needs = "stop"},
	{"timeout", .needs = "stop"},
	{0},
};

static void check_options(const struct options *o)
{
	bool takes_none = o->stop || o->list || checks_running(o);
	cleanup_free char *error = NULL;

	if (!option_rules_hold(&tool_options, o->given, rules_of_options, &error))
		die("%s", error);
	if (o->write_unit && o->name && strcmp(o->name, o->write_unit) != 0)
		die("--name %s: the unit of --write-unit %s stops the VM by the name of its file: "
		    "use --write-unit %s, or leave out --name",
			o->name, o->write_unit, o->name);
	if (takes_none && *o->command) {
		error = options_extra(&tool_options, *o->command);
		die("%s", error);
	}
	if (!takes_none && !o->vm && !*o->command)
		die("missing QEMU command line; try: " PROGRAM " --help");
	if (geteuid() != 0)
		die("must be run as root; ordinary users: virt-priv-exec");
}

/* The words of the VM's file, as if they stood on the command line behind --vm. */
static void read_vm_file(struct options *o)
{
	cleanup_free char *path = xasprintf(VM_FILE_DIR "/%s.conf", o->vm);
	cleanup_free char *error = NULL;
	cleanup_free char *text = trusted_file_read(path, &error);
	const char *name = o->vm;
	size_t n;

	if (!text)
		die("%s", error);
	if (*o->command)
		die("extra operand '%s': the command line of VM '%s' is in %s", *o->command, o->vm,
			path);
	check_vm_file(o, path, text);
	char **words = trusted_file_words(PROGRAM, text, &n);
	parse_options(o, (int)n, words);
	if (o->vm != name || o->stop || o->write_unit || o->list || checks_running(o))
		die("--vm, --write-unit, --list, --stop, --all-running and --pid are not allowed "
		    "in "
		    "%s",
			path);
	cleanup_free char *why = NULL;
	if (!option_rules_hold(&tool_options, o->given, rules_of_options, &why))
		die("%s: %s", path, why);
	if (!*o->command)
		die("%s: missing QEMU command line", path);
	if (!o->name)
		o->name = name;
}

/* Text of a -readconfig file: root acts on it, so it must be root's. */
static char *read_config_file(void *context, const char *path, char **error)
{
	(void)context;
	return trusted_file_read(path, error);
}

/* A new array, of new paths. */
static char **absolute_paths(const struct option_texts *texts)
{
	char **paths = xcalloc(texts->n, sizeof *paths);
	cleanup_free char *error = NULL;

	for (size_t i = 0; i < texts->n; i++)
		if (!(paths[i] = absolute_path(texts->items[i], &error)))
			die("%s", error);
	return paths;
}

/* What is asked for, as the planner wants it. pid: of whom it is about. */
static void describe(struct vm *vm, const struct options *o, const struct launch *launch, pid_t pid)
{
	cleanup_free char *error = NULL;

	if ((o->share.n || o->share_network) && o->isolate != ISOLATE_FULL)
		die("%s requires --isolate=full", o->share.n ? "--share" : "--share-network");
	vm->program = PROGRAM;
	vm->settings = &launch->settings;
	vm->identity = identity_copy(&launch->identity);
	vm->label = identity_label(&vm->identity);
	vm->images = o->images;
	vm->isolation.mode = o->isolate;
	vm->shares = o->share.items;
	vm->n_shares = o->share.n;
	vm->shares_network = o->share_network;
	vm->trusted = absolute_paths(&o->backing);
	vm->n_trusted = o->backing.n;
	vm->forced = absolute_paths(&o->forced);
	vm->n_forced = o->forced.n;
	vm->grants_read = o->grant_read;
	vm->dry_run = o->check || o->dry_run;
	vm->control = o->vm != NULL;
	vm->notify = o->vm ? notify_take() : NULL;
	vm->name = vm_choose_name(o->name, vm->args, pid, &error);
	if (!vm->name)
		die("%s", error);
}

/* A command line that is read, and the account that it is to run as. */
struct plan {
	struct vm *vm;
	char *program[2];
	struct launch_request request;
	struct launch launch;
};

/* Reads the command line, and decides who is to run it. running: whose it is, or NULL. */
static void begin_plan(struct plan *plan, const struct options *o, const struct running *running)
{
	cleanup_free char *error = NULL;
	struct qemuargs *args = qemuargs_parse(o->command + 1, read_config_file, NULL, &error);

	if (!args)
		die("%s", error);
	if (running && !running_take_over(running, args, &error))
		die("%s", error);
	plan->request.config = o->config;
	plan->program[0] = o->command[0];
	plan->request.command = plan->program;
	plan->vm->args = args;
	if (!vm_plan_launch(&plan->launch, &plan->request, args, &error))
		die("%s", error);
	describe(plan->vm, o, &plan->launch, running ? running->pid : getpid());
	if (!vm_raise_limits(plan->vm, &error) || !supervise_block_signals(&error))
		die("%s", error);
}

/* What refuses the start, and no command helps. */
static void add_obstacle(struct obstacles *obstacles, char *object, char *message)
{
	obstacles_add(obstacles,
		&(struct obstacle){.object = object, .message = message, .refuses = true});
}

/* own: the words before the command. */
static void find_obstacles(struct plan *plan, const struct options *o, char *const *own,
	size_t n_own, const struct running *running, struct obstacles *obstacles)
{
	struct vm *vm = plan->vm;
	cleanup_free char *error = qemu_command_why_not(o->command, own, n_own, o->vm);

	if (error) {
		add_obstacle(obstacles, o->command[0], error);
		return;
	}
	plan->request.looks_only = true;
	begin_plan(plan, o, running);
	if (!vm_plan(vm, &error)) {
		if (vm->failed)
			die("%s", error);
		add_obstacle(obstacles, NULL, error);
		return;
	}
	if (plan->launch.error)
		vm_refuse_program(vm, plan->launch.path, plan->launch.error);
	else if (!vm_command(vm, o->command[0], plan->launch.path, &error))
		die("%s", error);
	obstacles_of(obstacles, vm);
	vm_warn_of_isolation(vm);
}

struct context {
	struct plan *plan;
	const struct options *options;
};

static char *find_obstacles_of(
	void *context, const struct running *running, struct obstacles *obstacles)
{
	const struct context *c = context;
	struct options o = *c->options;

	o.command = running->words;
	find_obstacles(c->plan, &o, NULL, 0, running, obstacles);
	return c->plan->vm->name ? xstrdup(c->plan->vm->name) : NULL;
}

/* Of --check --all-running and --pid. Returns the exit status. */
static int check_running(struct options *o, struct plan *plan)
{
	struct context context = {plan, o};
	cleanup_free char *error = NULL;

	if (o->all_running && !running_find(&o->pids, &o->n_pids, &error))
		die("%s", error);
	bool good = verdict_report(o->pids, o->n_pids, o->json, find_obstacles_of, &context);
	return written(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Whether this is the process that was called, which ends when the monitor has reported. */
static bool is_caller(struct supervisor *supervisor, int *status)
{
	cleanup_free char *error = NULL;
	enum supervise_side side = supervise_detach(supervisor, status, &error);

	if (side == SUPERVISE_FAILED)
		die("%s", error);
	return side == SUPERVISE_CALLER;
}

static void add_word(struct option_texts *words, char *word)
{
	ARRAY_GROW(words->items, words->n);
	words->items[words->n++] = word;
}

static void add_paths(
	struct option_texts *words, const char *option, const struct option_texts *all)
{
	char **paths = absolute_paths(all);

	for (size_t i = 0; i < all->n; i++)
		add_word(words, xasprintf("%s=%s", option, paths[i]));
	free(paths);
}

/* The options that go into the file of a unit, in front of the command. */
static struct option_texts options_of_unit(const struct options *o)
{
	static const char *const images[] = {"claim", "pass", "leave"};
	struct option_texts words = {0};

	if (o->name)
		add_word(&words, xasprintf("--name=%s", o->name));
	if (o->config)
		add_paths(&words, "--config", &(struct option_texts){(const char **)&o->config, 1});
	if (o->images != VM_IMAGES_CLAIM)
		add_word(&words, xasprintf("--disks=%s", images[o->images]));
	if (o->isolate != ISOLATE_DEFAULT)
		add_word(&words, xasprintf("--isolate=%s", isolation_mode_name(o->isolate)));
	if (o->grant_read)
		add_word(&words, xstrdup("--grant-read"));
	add_paths(&words, "--backing", &o->backing);
	add_paths(&words, "--share", &o->share);
	if (o->share_network)
		add_word(&words, xstrdup("--share-network"));
	add_paths(&words, "--force-in-use", &o->forced);
	return words;
}

/* Checks it as systemd starts it. Returns the exit status. */
static int write_unit(struct options *o, struct plan *plan)
{
	struct options unit = {.isolate = ISOLATE_FULL, .vm = o->write_unit, .check = true};
	struct option_texts words = options_of_unit(o);
	struct obstacles obstacles = {0};
	cleanup_free char *error = NULL;

	/* Where there is none, the file would be in the way of the next one. */
	if (!vm_try_account(o->config, o->command, read_config_file, &error) ||
		!unit_write(o->write_unit, &words, o->command, read_config_file, &error) ||
		!unit_enter(&error))
		die("%s", error);
	unit.command = (char *[]){NULL};
	read_vm_file(&unit);
	find_obstacles(plan, &unit, NULL, 0, NULL, &obstacles);
	bool is_free = obstacles.n == 0;
	obstacles_print(&obstacles, "");
	obstacles_free(&obstacles);
	unit_print_commands(o->write_unit, is_free);
	return written(is_free ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Returns the exit status. */
static int stop(const struct options *o)
{
	cleanup_free char *error = NULL;
	const struct vm_stop_how how = {.seconds = o->timeout, .kill = o->kill};
	bool good =
		o->dry_run ? vm_stop_report(o->stop, &how, &error) : vm_stop(o->stop, &how, &error);

	if (!good)
		die_status(EXIT_FAILURE, "%s", error);
	return written(EXIT_SUCCESS);
}

/* Returns the exit status. */
static int list(const struct options *o)
{
	bool good = vm_list(o->json);

	return written(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(int argc, char *argv[])
{
	struct options o = {.timeout = STOP_SECONDS, .isolate = ISOLATE_DEFAULT};
	/* It outlives main(): see vm_take_name(). */
	static struct vm vm = VM_INIT;
	struct plan plan = {.vm = &vm};
	struct supervisor supervisor = SUPERVISOR_INIT;
	cleanup_free char *error = NULL;

	log_init(PROGRAM, LAUNCH_FAILED);
	launch_fill_standard_descriptors();
	parse_options(&o, argc, argv);
	check_options(&o);
	if (o.vm)
		read_vm_file(&o);
	log_set_verbose(o.verbose);
	if (o.stop)
		return stop(&o);
	if (o.list)
		return list(&o);

	size_t n_own = o.vm ? 0 : (size_t)(o.command - argv - 1);
	if (checks_running(&o))
		return check_running(&o, &plan);
	if (o.write_unit)
		return write_unit(&o, &plan);
	if (o.check) {
		struct obstacles obstacles = {0};
		find_obstacles(&plan, &o, argv + 1, n_own, NULL, &obstacles);
		return report_check(&o, vm.name, &obstacles);
	}
	if ((error = qemu_command_why_not(o.command, argv + 1, n_own, o.vm)) != NULL)
		die("%s", error);
	begin_plan(&plan, &o, NULL);

	int status;
	/* What follows is done by the monitor process, locks and descriptors too. */
	if (vm.args->daemonize && !vm.control && !vm.dry_run && is_caller(&supervisor, &status))
		return status;
	if (!vm_plan(&vm, &error))
		die("%s", error);
	char **command = vm_command(&vm, o.command[0], plan.launch.path, &error);
	if (!command)
		die("%s", error);
	if (vm.dry_run) {
		vm_report(&vm, command, o.json);
		return written(vm.refused ? LAUNCH_FAILED : EXIT_SUCCESS);
	}
	vm_warn(&vm);
	if (vm.refused) {
		vm_let_go_of_name(&vm);
		die_status(vm.not_executable ? LAUNCH_NOT_EXECUTABLE : LAUNCH_FAILED,
			"not starting; nothing was changed");
	}
	if (!vm_run(&vm, &plan.launch, command, &supervisor, &status, &error))
		die("%s", error);
	vm_let_go_of_name(&vm);
	supervise_report(&supervisor, status);
	return status;
}
