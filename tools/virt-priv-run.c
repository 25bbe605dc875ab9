/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virt-priv-run: runs a QEMU command line that was written for root, as the account of
 * qemu.conf and without any capability. What root was needed for is prepared as root, passed,
 * and given back when QEMU has ended.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "claims/journal.h"
#include "claims/runtime_dir.h"
#include "launch/environment.h"
#include "launch/launch.h"
#include "vm/claim.h"
#include "vm/limits.h"
#include "vm/pid_file.h"
#include "vm/prepare.h"
#include "vm/published.h"
#include "vm/qemu_command.h"
#include "vm/report.h"
#include "vm/runtime.h"
#include "vm/stop.h"
#include "vm/supervise.h"
#include "vm/trusted_file.h"
#include "vm/vm.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRAM "virt-priv-run"
/* As long as libvirt's libvirt-guests waits for a guest at least. */
#define STOP_SECONDS 60

static const char usage[] =
	"Usage: virt-priv-run [OPTION]... [--] QEMU [ARG]...\n"
	"       virt-priv-run --vm NAME\n"
	"       virt-priv-run --stop NAME [--timeout SECONDS]\n"
	"Run a QEMU command line as the account of qemu.conf, with no capability in any\n"
	"set. What it needs root for is prepared as root, and given back when it ends.\n"
	"\n"
	"      --name VM         the name of the VM; else that of QEMU's -name\n"
	"      --disks=claim     give disks to the account while QEMU runs (the default)\n"
	"      --disks=pass      open disks as root, and pass them\n"
	"      --disks=leave     do nothing about disks\n"
	"      --backing PATH    trust that an image's header may name PATH (repeatable)\n"
	"      --force-in-use PATH  let QEMU write PATH though the host uses it (repeatable)\n"
	"  -c, --config FILE     read FILE instead of /etc/libvirt/qemu.conf\n"
	"      --check           list what stands in the way, and do nothing\n"
	"      --dry-run         print what would be done, and do nothing\n"
	"      --json            with --dry-run: print it as JSON\n"
	"      --vm NAME         take the command line from\n"
	"                        /etc/virt-privileges/vms/NAME.conf\n"
	"      --stop NAME       ask the VM that was started by --vm to power down, and wait\n"
	"      --timeout SECONDS with --stop: how long to wait [60]\n"
	"  -v, --verbose         say what is done\n"
	"      --help            print this help\n"
	"      --version         print the version\n"
	"\n"
	"Exit status: 125 if virt-priv-run itself fails or refuses, 126 if QEMU can't be\n"
	"executed, 127 if it can't be found, else that of QEMU, 128+N if signal N ended\n"
	"it. With --check: 0 nothing stands in the way, 1 something does. With --stop: 0\n"
	"the VM has ended, 1 it has not.\n";

struct options {
	const char *name, *config, *vm, *stop;
	enum vm_images images;
	char **backing, **forced;
	size_t n_backing, n_forced;
	unsigned timeout;
	bool check, dry_run, json, verbose;
	char **command; /* NULL-terminated */
};

static void take_images(struct options *o, const char *word)
{
	static const char *const names[] = {[VM_IMAGES_CLAIM] = "claim",
		[VM_IMAGES_PASS] = "pass",
		[VM_IMAGES_LEAVE] = "leave"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(word, names[i]) == 0) {
			o->images = (enum vm_images)i;
			return;
		}
	die("--disks %s: \"claim\", \"pass\" or \"leave\" was expected", word);
}

static void take_timeout(struct options *o, const char *word)
{
	char *end;

	errno = 0;
	unsigned long seconds = strtoul(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || seconds > INT_MAX / 1000)
		die("--timeout %s: a number of seconds was expected", word);
	o->timeout = (unsigned)seconds;
}

static void take_name(const char **name, const char *option, const char *word)
{
	if (!journal_is_name(word))
		die("%s %s: a name has 1 to 64 letters, digits, \"_\", \".\" and \"-\", and begins "
		    "with none of the last two",
			option, word);
	*name = word;
}

static void parse_options(struct options *o, int argc, char *argv[])
{
	enum {
		NAME = 256,
		DISKS,
		BACKING,
		FORCE_IN_USE,
		CHECK,
		DRY_RUN,
		JSON,
		VM,
		STOP,
		TIMEOUT,
		HELP,
		VERSION_
	};
	static const struct option long_options[] = {
		{"name", required_argument, NULL, NAME},
		{"disks", required_argument, NULL, DISKS},
		{"backing", required_argument, NULL, BACKING},
		{"force-in-use", required_argument, NULL, FORCE_IN_USE},
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, CHECK},
		{"dry-run", no_argument, NULL, DRY_RUN},
		{"json", no_argument, NULL, JSON},
		{"vm", required_argument, NULL, VM},
		{"stop", required_argument, NULL, STOP},
		{"timeout", required_argument, NULL, TIMEOUT},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, HELP},
		{"version", no_argument, NULL, VERSION_},
		{NULL, 0, NULL, 0},
	};
	int option;

	/* "+": the first word that is no option begins QEMU's. */
	while ((option = getopt_long(argc, argv, "+c:v", long_options, NULL)) != -1) {
		switch (option) {
		case NAME:
			take_name(&o->name, "--name", optarg);
			break;
		case DISKS:
			take_images(o, optarg);
			break;
		case BACKING:
			o->backing =
				xreallocarray(o->backing, o->n_backing + 1, sizeof *o->backing);
			o->backing[o->n_backing++] = place_absolute(optarg);
			break;
		case FORCE_IN_USE:
			o->forced = xreallocarray(o->forced, o->n_forced + 1, sizeof *o->forced);
			o->forced[o->n_forced++] = place_absolute(optarg);
			break;
		case 'c':
			o->config = optarg;
			break;
		case CHECK:
			o->check = true;
			break;
		case DRY_RUN:
			o->dry_run = true;
			break;
		case JSON:
			o->json = true;
			break;
		case VM:
			take_name(&o->vm, "--vm", optarg);
			break;
		case STOP:
			take_name(&o->stop, "--stop", optarg);
			break;
		case TIMEOUT:
			take_timeout(o, optarg);
			break;
		case 'v':
			o->verbose = true;
			break;
		case HELP:
			fputs(usage, stdout);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : LAUNCH_FAILED);
		case VERSION_:
			puts(PROGRAM " " VERSION);
			exit(fflush(stdout) == 0 ? EXIT_SUCCESS : LAUNCH_FAILED);
		default:
			die("try: " PROGRAM " --help");
		}
	}
	o->command = argv + optind;
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
		die("%s: a word too many: the command line of the VM %s stands in %s", *o->command,
			o->vm, path);
	char **words = trusted_file_words(PROGRAM, text, &n);
	/* getopt(3) begins anew. */
	optind = 0;
	parse_options(o, (int)n, words);
	if (o->vm != name || o->stop)
		die("%s: --vm and --stop have no meaning there", path);
	if (!*o->command)
		die("%s: missing command", path);
	if (!o->name)
		o->name = name;
}

static void check_options(const struct options *o)
{
	if (o->json && !o->dry_run)
		die("--json goes with --dry-run");
	if (o->stop && *o->command)
		die("%s: a word too many; try: " PROGRAM " --help", *o->command);
	if (!o->stop && !o->vm && !*o->command)
		die("no QEMU given; try: " PROGRAM " --help");
	if (geteuid() != 0)
		die("must be run as root; ordinary users: virt-priv-exec");
}

/* Before a word of it is read as one of QEMU's, and before anything is changed. */
static void check_command(const struct options *o, char *const *own, size_t n_own)
{
	cleanup_free char *why = qemu_command_why_not(o->command, own, n_own, o->vm);

	if (!why)
		return;
	if (!o->check)
		die("%s", why);
	cleanup_free char *safe = log_escape(why);
	puts(safe);
	exit(fflush(stdout) == 0 ? EXIT_FAILURE : LAUNCH_FAILED);
}

/* Text of a -readconfig file: root acts on it, so it must be root's. */
static char *read_config_file(void *context, const char *path, char **error)
{
	(void)context;
	return trusted_file_read(path, error);
}

/* -runas and -run-with user= name the account; QEMU, which is that already, must not see them. */
static void take_run_as(struct qemuargs *args, struct launch_request *request)
{
	cleanup_free char *copy = args->run_as ? xstrdup(args->run_as) : NULL;

	if (!copy)
		return;
	char *colon = strchr(copy, ':');
	if (colon)
		*colon++ = '\0';
	request->user = xstrdup(copy);
	request->group = colon ? xstrdup(colon) : NULL;
	for (size_t i = 0; i < args->n_options; i++) {
		const char *name = args->options[i].name;
		if (strcmp(name, "runas") == 0) {
			qemuargs_remove(args, i);
		} else if (strcmp(name, "run-with") == 0 && qemuargs_get(args, i, "user")) {
			qemuargs_set(args, i, "user", NULL);
			if (!qemuargs_get(args, i, "async-teardown") &&
				!qemuargs_get(args, i, "chroot"))
				qemuargs_remove(args, i);
		}
	}
}

static void check_run_as(const struct launch *launch, const struct launch_request *request)
{
	if (!request->user || launch->identity.uid != 0)
		return;
	if (strcmp(launch->settings.user.value, "root") == 0 ||
		strcmp(launch->settings.user.value, "0") == 0 ||
		strcmp(launch->settings.user.value, "+0") == 0)
		return;
	die("-runas %s asks for root, and qemu.conf does not; to go back to root: "
	    "virt-priv-conf revert-to-root",
		request->user);
}

static void take_identity(struct vm *vm, const struct launch *launch)
{
	vm->identity = identity_copy(&launch->identity);
	vm->label = identity_label(&vm->identity);
}

static char *default_name(const struct qemuargs *args)
{
	if (args->guest_name && journal_is_name(args->guest_name) &&
		runtime_dir_fits(args->guest_name))
		return xstrdup(args->guest_name);
	return xasprintf("qemu-%d", getpid());
}

static char *take_vm_name(const struct options *o, const struct qemuargs *args)
{
	if (!o->name)
		return default_name(args);
	if (!runtime_dir_fits(o->name))
		die("--name %s: a name that ends in \".qmp\" is reserved for the control socket of "
		    "a VM in " RUNTIME_DIR "; use another name: --name",
			o->name);
	return xstrdup(o->name);
}

static void finish_as_account(void *vm)
{
	cleanup_free char *error = NULL;

	if (!vm_finish(vm, &error))
		die("%s", error);
}

/* In the child: claims, and executes QEMU. */
static _Noreturn void become_qemu(
	struct vm *vm, struct launch *launch, char **command, struct supervisor *supervisor)
{
	cleanup_free char *home = vm_runtime_directory(vm->name);
	cleanup_free char *error = NULL;

	/* The QEMU user can stop this process before it is QEMU: it has nothing that others
	 * wait for. */
	close(vm->name_fd);
	supervise_let_go(supervisor);
	if (!vm_claim(vm, &error) || !vm_write_pid(vm, getpid(), &error) ||
		!vm_set_limits(vm, &error))
		die("%s", error);
	launch->command = command;
	launch->environment = environment_set(launch->environment, "HOME", home);
	launch_keep_fds(launch, vm->fds, vm->n_fds);
	launch->as_account = finish_as_account;
	launch->context = vm;
	launch_exec(launch, PROGRAM);
}

/* QEMU's own daemon goes on; it, too, is stayed with. */
static int follow_daemon(struct vm *vm, struct supervisor *supervisor)
{
	cleanup_free char *error = NULL;
	pid_t daemon = supervise_remaining();

	if (daemon && (!vm_new_holder(vm, daemon, &error) || !vm_write_pid(vm, daemon, &error)))
		warn("%s", error);
	/* What QEMU has bound is there once the caller has its answer. */
	vm_publish(vm);
	supervise_report(supervisor, 0);
	return daemon ? supervise(supervisor, daemon) : 0;
}

/* Starts QEMU, stays until its end, gives everything back. Returns the exit status. */
static int run(struct vm *vm, struct launch *launch, char **command, struct supervisor *supervisor)
{
	cleanup_free char *error = NULL;

	if (!vm_prepare(vm, &error))
		die("%s; not starting", error);
	pid_t child = fork();
	if (child < 0)
		die_errno("cannot fork a process; not starting");
	if (child == 0)
		become_qemu(vm, launch, command, supervisor);
	vm->holder = child;
	vm->runs = true;
	vm_let_go(vm);
	vm_watch_published(vm, supervisor);
	int status = supervise(supervisor, child);
	vm->has_run = status != LAUNCH_FAILED;
	if (status == 0 && vm->args->daemonize)
		status = follow_daemon(vm, supervisor);
	vm->runs = false;
	bool is_given_back = vm_give_back(vm);
	/* Otherwise it would look as if all was as before. */
	return status == 0 && !is_given_back ? LAUNCH_FAILED : status;
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
	if (o->check)
		vm_report_obstacles(vm);
	else
		vm_report(vm, command, o->json);
	if (fflush(stdout) != 0 || ferror(stdout))
		die_errno("cannot write to standard output");
	if (!vm->refused)
		return EXIT_SUCCESS;
	return o->check ? EXIT_FAILURE : LAUNCH_FAILED;
}

int main(int argc, char *argv[])
{
	struct options o = {.timeout = STOP_SECONDS};
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
	if (o.stop && !vm_stop(o.stop, o.timeout, &error))
		die_status(EXIT_FAILURE, "%s", error);
	if (o.stop)
		return EXIT_SUCCESS;

	check_command(&o, argv + 1, o.vm ? 0 : (size_t)(o.command - argv - 1));
	vm.args = qemuargs_parse(o.command + 1, read_config_file, NULL, &error);
	if (!vm.args)
		die("%s", error);
	request.config = o.config;
	request.command = (char *[]){o.command[0], NULL};
	take_run_as(vm.args, &request);
	launch_plan(&launch, &request);
	check_run_as(&launch, &request);
	take_identity(&vm, &launch);
	vm.settings = &launch.settings;
	vm.name = take_vm_name(&o, vm.args);
	vm.images = o.images;
	vm.trusted = o.backing;
	vm.n_trusted = o.n_backing;
	vm.forced = o.forced;
	vm.n_forced = o.n_forced;
	vm.dry_run = o.check || o.dry_run;
	vm.control = o.vm != NULL;

	int status;
	if (!vm_raise_limits(&vm, &error) || !supervise_block_signals(&error))
		die("%s", error);
	/* What follows is done by the monitor process, locks and descriptors too. */
	if (vm.args->daemonize && !vm.dry_run && is_caller(&supervisor, &status))
		return status;
	if (!vm_plan(&vm, &error))
		die_status(o.check && !vm.failed ? EXIT_FAILURE : LAUNCH_FAILED, "%s", error);
	char **command = vm_command(&vm, o.command[0], &error);
	if (!command)
		die("%s", error);
	if (vm.dry_run)
		return report(&o, &vm, command);
	vm_warn(&vm);
	if (vm.refused) {
		vm_let_go_of_name(&vm);
		die("not starting; nothing was changed");
	}
	status = run(&vm, &launch, command, &supervisor);
	vm_let_go_of_name(&vm);
	supervise_report(&supervisor, status);
	return status;
}
