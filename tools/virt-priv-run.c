/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-run: runs a QEMU command line that was written for root, as the account of
 * qemu.conf and without any capability. What root was needed for is prepared as root, passed,
 * and given back when QEMU has ended.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/options.h"
#include "claims/journal.h"
#include "launch/launch.h"
#include "path/absolute.h"
#include "vm/limits.h"
#include "vm/obstacles.h"
#include "vm/qemu_command.h"
#include "vm/report.h"
#include "vm/run.h"
#include "vm/run_as.h"
#include "vm/runtime.h"
#include "vm/stop.h"
#include "vm/supervise.h"
#include "vm/trusted_file.h"
#include "vm/vm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-priv-run"
/* As long as libvirt's libvirt-guests waits for a guest at least. */
#define STOP_SECONDS 60

struct options {
	const char *name, *config, *vm, *stop;
	enum vm_images images;
	enum isolate_mode isolate;
	struct option_texts share;
	bool share_network;
	struct option_texts backing, forced;
	unsigned timeout;
	bool check, dry_run, json, verbose;
	char **command; /* NULL-terminated */
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

#define OPTION_NAME(member) .store = store_name, .offset = offsetof(struct options, member)

/* The VMs that have a file. */
#define VMS "$(ls " VM_FILE_DIR " 2>/dev/null | sed -n \"s/[.]conf$//p\")"

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
	{"dry-run", 0, NULL, OPTION_NONE, "print what would be done, and change nothing",
		OPTION_FLAG(struct options, dry_run)},
	{"json", 0, NULL, OPTION_NONE, "with --check or --dry-run: print JSON",
		OPTION_FLAG(struct options, json)},
	{"vm", 0, "NAME", OPTION_WORD, "read the command line from " VM_FILE_DIR "/NAME.conf",
		OPTION_NAME(vm), .words = VMS},
	{"stop", 0, "NAME", OPTION_WORD, "ask the VM that --vm has started to power down, and wait",
		OPTION_NAME(stop), .words = VMS},
	{"timeout", 0, "SECONDS", OPTION_ANYTHING, "with --stop: how long to wait (default: 60)",
		OPTION_SECONDS(struct options, timeout)},
	{"verbose", 'v', NULL, OPTION_NONE, "print what is done",
		OPTION_FLAG(struct options, verbose)},
	{0},
};

const struct option_table tool_options = {
	.program = PROGRAM,
	.manual = "8",
	.synopsis = "[OPTION]... [--] QEMU [ARG]...\n"
		    "[OPTION]... --vm NAME\n"
		    "--stop NAME [--timeout SECONDS] [--dry-run]",
	.summary = "Run a QEMU command line as the account of qemu.conf, with no capability in any "
		   "set. What needs root is prepared as root, and restored when QEMU exits.",
	.rows = rows,
	.operands = {0, OPTION_ANY_NUMBER, OPTION_COMMAND, NULL},
	.in_order = true,
	.status = "Exit status: 125 if virt-priv-run itself fails or refuses, 126 if QEMU cannot "
		  "be executed, 127 if it cannot be found, else that of QEMU, or 128+N if it was "
		  "terminated by signal N. With --check: 0 no obstacle, 1 obstacles. With --stop: "
		  "0 QEMU has exited, 1 it has not.",
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
	char **words = trusted_file_words(PROGRAM, text, &n);
	parse_options(o, (int)n, words);
	if (o->vm != name || o->stop)
		die("--vm and --stop are not allowed in %s", path);
	if (!*o->command)
		die("%s: missing QEMU command line", path);
	if (!o->name)
		o->name = name;
}

static void check_options(const struct options *o)
{
	if (o->json && !o->dry_run && !o->check)
		die("--json requires --check or --dry-run");
	if (o->json && o->stop)
		die("--json cannot be used with --stop");
	if (o->stop && *o->command) {
		cleanup_free char *error = options_extra(&tool_options, *o->command);
		die("%s", error);
	}
	if (!o->stop && !o->vm && !*o->command)
		die("missing QEMU command line; try: " PROGRAM " --help");
	if (geteuid() != 0)
		die("must be run as root; ordinary users: virt-priv-exec");
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

/* Before a word of it is read as one of QEMU's, and before anything is changed. */
static void check_command(const struct options *o, char *const *own, size_t n_own)
{
	cleanup_free char *why = qemu_command_why_not(o->command, own, n_own, o->vm);

	if (!why)
		return;
	if (!o->check)
		die("%s", why);
	struct obstacles obstacles = {0};
	obstacles_add(&obstacles, o->command[0], NULL, why, true);
	exit(report_check(o, NULL, &obstacles));
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

/* What is asked for, as the planner wants it. */
static void describe(struct vm *vm, const struct options *o, const struct launch *launch)
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
	vm->dry_run = o->check || o->dry_run;
	vm->control = o->vm != NULL;
	vm->notify = o->vm ? notify_take() : NULL;
	vm->name = vm_choose_name(o->name, vm->args, &error);
	if (!vm->name)
		die("%s", error);
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

/* Of --check and --dry-run. Returns the exit status. */
static int report(const struct options *o, const struct vm *vm, char *const *command)
{
	struct obstacles obstacles = {0};

	if (!o->check) {
		vm_report(vm, command, o->json);
		return written(vm->refused ? LAUNCH_FAILED : EXIT_SUCCESS);
	}
	obstacles_of(&obstacles, vm);
	vm_warn_of_isolation(vm);
	return report_check(o, vm->name, &obstacles);
}

/* Returns the exit status. */
static int stop(const struct options *o)
{
	cleanup_free char *error = NULL;
	bool good = o->dry_run ? vm_stop_report(o->stop, o->timeout, &error)
			       : vm_stop(o->stop, o->timeout, &error);

	if (!good)
		die_status(EXIT_FAILURE, "%s", error);
	return written(EXIT_SUCCESS);
}

int main(int argc, char *argv[])
{
	struct options o = {.timeout = STOP_SECONDS, .isolate = ISOLATE_DEFAULT};
	struct launch_request request = {0};
	struct launch launch;
	/* It outlives main(): see vm_take_name(). */
	static struct vm vm = VM_INIT;
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

	check_command(&o, argv + 1, o.vm ? 0 : (size_t)(o.command - argv - 1));
	struct qemuargs *args = qemuargs_parse(o.command + 1, read_config_file, NULL, &error);
	if (!args)
		die("%s", error);
	request.config = o.config;
	request.command = (char *[]){o.command[0], NULL};
	vm.args = args;
	vm_take_run_as(args, &request);
	launch_plan(&launch, &request);
	if (!vm_check_run_as(&launch, &request, &error))
		die("%s", error);
	describe(&vm, &o, &launch);

	int status;
	if (!vm_raise_limits(&vm, &error) || !supervise_block_signals(&error))
		die("%s", error);
	/* What follows is done by the monitor process, locks and descriptors too. */
	if (args->daemonize && !vm.control && !vm.dry_run && is_caller(&supervisor, &status))
		return status;
	if (!vm_plan(&vm, &error)) {
		if (!o.check || vm.failed)
			die("%s", error);
		struct obstacles obstacles = {0};
		obstacles_add(&obstacles, NULL, NULL, error, true);
		return report_check(&o, vm.name, &obstacles);
	}
	char **command = vm_command(&vm, o.command[0], launch.path, &error);
	if (!command)
		die("%s", error);
	if (vm.dry_run)
		return report(&o, &vm, command);
	vm_warn(&vm);
	if (vm.refused) {
		vm_let_go_of_name(&vm);
		die("not starting; nothing was changed");
	}
	if (!vm_run(&vm, &launch, command, &supervisor, &status, &error))
		die("%s", error);
	vm_let_go_of_name(&vm);
	supervise_report(&supervisor, status);
	return status;
}
