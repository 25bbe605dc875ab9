/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/isolation.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "claims/runtime_dir.h"
#include "isolate/enter.h"
#include "isolate/pool.h"
#include "isolate/possible.h"
#include "isolate/program.h"
#include "isolate/restrict.h"
#include "isolate/system.h"
#include "path/absolute.h"
#include "qemu/needs.h"
#include "qemu/ports.h"
#include "vm/shares.h"
#include "vm/step.h"
#include "vm/unseen.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Threads of QEMU beside those of the guest's processors: workers of disks, migration, displays. */
#define MORE_THREADS 1024
/* qemu_read_default_config_file() of system/vl.c, where QEMU is a distribution's. */
#define DEFAULT_OPTIONS "/etc/qemu/qemu.conf"

/*
 * Which layers
 */

/* What qemu.conf turns off, for libvirt, too. */
static unsigned turned_off(const struct vm *vm)
{
	const struct settings *s = vm->settings;
	unsigned off = 0;

	if (s->no_namespaces)
		off |= ISOLATE_ROOT | ISOLATE_NAMESPACES | ISOLATE_NETWORK;
	if (s->seccomp_sandbox.value == 0)
		off |= ISOLATE_FILTER;
	if (!s->dynamic_ownership.value || vm->identity.uid == 0)
		off |= ISOLATE_ID | ISOLATE_LIMITS;
	return off;
}

/*
 * Those that a mode asks for, and what there is besides: layers without which a VM is not to be,
 * but which nobody asked for. The limit counts the processes of an id, so it needs one of the VM's
 * own.
 */
static void choose_layers(struct vm *vm)
{
	static const unsigned usual = ISOLATE_NAMESPACES | ISOLATE_LANDLOCK | ISOLATE_FILTER;
	const struct {
		unsigned asked, usual;
	} modes[] = {
		[ISOLATE_NONE] = {0, 0},
		[ISOLATE_DEFAULT] = {0, usual},
		[ISOLATE_USER] = {ISOLATE_ID | ISOLATE_LIMITS, usual},
		[ISOLATE_FULL] = {(1U << ISOLATE_LAYERS) - 1, 0},
	};
	unsigned asked = modes[vm->isolation.mode].asked;
	unsigned all = asked | modes[vm->isolation.mode].usual;
	unsigned off = turned_off(vm);

	vm->isolation.off = all & off;
	vm->isolation.layers = all & ~off;
	vm->isolation.asked = asked & ~off;
}

/* Only its numbers: no account has them, and no group adds to them. */
static void become(struct vm *vm, uid_t id)
{
	identity_free(&vm->identity);
	vm->identity = identity_lent(id);
	free(vm->label);
	vm->label = identity_label(&vm->identity);
}

/* Whether files that are the id's can be left on the host: in a share. */
static bool leaves_files(const struct vm *vm)
{
	for (size_t i = 0; i < vm->n_shares; i++) {
		size_t n = strlen(vm->shares[i]);
		if (n < 3 || strcmp(vm->shares[i] + n - 3, ",ro") != 0)
			return true;
	}
	for (size_t i = 0; i < vm->args->n_resources; i++)
		if (vm->args->resources[i].kind == RESOURCE_DIRECTORY &&
			vm->args->resources[i].access != ACCESS_RO)
			return true;
	return false;
}

/* An id of the VM's own. What was taken already is let go of with the name. */
static bool take_id(struct vm *vm, char **error)
{
	uid_t id;

	if (vm->args->run_as)
		return error_set(error,
			"-runas %s asks for an account, and --isolate=%s for an id of the VM's "
			"own; remove one of them",
			vm->args->run_as, isolation_mode_name(vm->isolation.mode));
	if (!pool_take(&vm->settings->isolate_ids.value, vm->name, vm->dry_run, &id, &vm->id_lock,
		    error))
		return false;
	become(vm, id);
	return vm->dry_run || !(vm->control || leaves_files(vm)) || pool_keep(id, vm->name, error);
}

bool vm_begin_isolation(struct vm *vm, char **error)
{
	struct isolation *isolation = &vm->isolation;

	vm->account = vm->identity.uid;
	choose_layers(vm);
	isolation->name = xstrdup(vm->name);
	if ((isolation->layers & ISOLATE_ID) && !take_id(vm, error))
		return false;
	isolation->uid = vm->identity.uid;
	isolation->gid = vm->identity.gid;
	return true;
}

/*
 * What is visible
 */

/* Whether QEMU opens it by its name. */
static bool is_visible(const struct vm_item *item)
{
	switch (item->kind) {
	case RESOURCE_PIDFILE:
	case RESOURCE_LISTEN:
	case RESOURCE_LINK:
	case RESOURCE_TAP:
	case RESOURCE_BRIDGE:
	case RESOURCE_PASST:
	case RESOURCE_VHOST_NET:
	case RESOURCE_PCI:
	case RESOURCE_FD:
		return false;
	default:
		break;
	}
	switch (item->action) {
	case ACTION_CLAIM:
	case ACTION_CHECK:
	case ACTION_GRANT:
	case ACTION_MAKE:
	case ACTION_LEAVE:
		return item->path != NULL;
	default:
		return false;
	}
}

static bool add_item(struct vm *vm, const struct vm_item *item, char **error)
{
	struct stat st;
	bool is_there = false;
	cleanup_free char *path = absolute_path(item->path, error);

	if (!path || !vm_examine(path, &st, &is_there, error))
		return false;
	/* A protocol, or a device that may be plugged in later, is no file. */
	if (item->action == ACTION_LEAVE && !is_there)
		return true;
	struct isolation_path *added = isolation_add(&vm->isolation, path, item->source);
	added->writable = item->access != ACCESS_RO;
	added->has_id = item->action == ACTION_CLAIM || item->action == ACTION_MAKE;
	if (is_there && S_ISDIR(st.st_mode) && added->writable) {
		added->makes = true;
		added->moves = item->kind == RESOURCE_DIRECTORY;
	}
	if (is_there && S_ISBLK(st.st_mode))
		vm->isolation.sysfs = true;
	return true;
}

/* libusb reads sysfs and hears of events before it opens any device; U2F keys are told by udev. */
static void note_drivers(struct vm *vm)
{
	for (size_t i = 0; i < vm->args->n_options; i++) {
		const char *driver = qemuargs_get(vm->args, i, "driver");
		if (!driver || strcmp(vm->args->options[i].name, "device") != 0)
			continue;
		if (strcmp(driver, "usb-host") == 0)
			vm->isolation.sysfs = vm->isolation.uevents = true;
		if (strcmp(driver, "u2f-passthru") == 0)
			vm->isolation.sysfs = true;
	}
}

/* A device is looked up in sysfs; a guest makes files in a directory. */
static void note_items(struct vm *vm)
{
	static const char render[] = "/dev/dri/";
	struct isolation *isolation = &vm->isolation;

	note_drivers(vm);
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		/* The items of an assigned device are about its nodes. */
		isolation->sysfs |= item->kind == RESOURCE_PCI ||
				    (item->kind == RESOURCE_DEVICE && item->path &&
					    strncmp(item->path, render, strlen(render)) == 0);
		isolation->shares |= item->kind == RESOURCE_DIRECTORY && item->access != ACCESS_RO;
	}
}

static void add_assigned(struct vm *vm, const struct vm_item *item)
{
	if (item->kind == RESOURCE_PCI && item->path &&
		strncmp(item->path, "/dev/", strlen("/dev/")) == 0)
		isolation_add(&vm->isolation, item->path, item->source)->writable = true;
}

/*
 * What is no resource, but warned of: named pipes, of which a path means itself or two that begin
 * with it; the directory of a VDE switch, in which QEMU binds a socket of its own; and files.
 */
static bool add_noticed(struct vm *vm, const struct qemuargs_notice *notice, char **error)
{
	static const char *const ends[] = {"", ".in", ".out"};

	for (size_t i = 0; i < N_ELEMENTS(ends); i++) {
		cleanup_free char *name = xasprintf("%s%s", notice->path, ends[i]);
		cleanup_free char *path = absolute_path(name, error);
		struct stat st;
		bool is_there = false;
		if (!path || !vm_examine(path, &st, &is_there, error))
			return false;
		bool is_switch = is_there && S_ISDIR(st.st_mode) && notice->key &&
				 strcmp(notice->key, "sock") == 0;
		if (!is_there || (!S_ISFIFO(st.st_mode) && !S_ISREG(st.st_mode) && !is_switch))
			continue;
		struct isolation_path *added = isolation_add(&vm->isolation, path, notice->source);
		added->writable = !S_ISREG(st.st_mode);
		added->makes = is_switch;
	}
	return true;
}

/* Plugins, which QEMU maps as its own code; what of them a program would be stays forbidden. */
static bool add_plugins(struct vm *vm, char **error)
{
	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (strcmp(vm->args->options[r->option].name, "plugin") != 0)
			continue;
		cleanup_free char *path = absolute_path(r->path, error);
		if (!path)
			return false;
		isolation_add(&vm->isolation, path, r->source)->executes = true;
	}
	return true;
}

static bool add_items(struct vm *vm, char **error)
{
	if (!add_plugins(vm, error))
		return false;
	for (size_t i = 0; i < vm->args->n_notices; i++)
		if (vm->args->notices[i].path && !add_noticed(vm, &vm->args->notices[i], error))
			return false;
	for (size_t i = 0; i < vm->n_items; i++) {
		const struct vm_item *item = &vm->items[i];
		add_assigned(vm, item);
		if (is_visible(item) && !add_item(vm, item, error))
			return false;
	}
	return true;
}

/* Directories in which QEMU binds sockets that are published (published.h). */
static void add_places(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_steps; i++) {
		const struct vm_step *step = &vm->steps[i];
		if (!step->visible)
			continue;
		struct isolation_path *path =
			isolation_add(&vm->isolation, step->visible, step->path);
		path->writable = path->makes = true;
		path->moves = step->is_link;
	}
}

static bool uses_kvm(char *const *command)
{
	for (char *const *word = command; *word; word++)
		if (strstr(*word, "kvm") || strcmp(*word, "-readconfig") == 0 ||
			strcmp(*word, "--readconfig") == 0)
			return true;
	return false;
}

/* The options that QEMU reads before those of the command line, which can say that it does not. */
static void add_default_options(struct vm *vm)
{
	for (size_t i = 0; i < vm->args->n_options; i++)
		if (strcmp(vm->args->options[i].name, "no-user-config") == 0 ||
			strcmp(vm->args->options[i].name, "nodefconfig") == 0)
			return;
	if (access(DEFAULT_OPTIONS, F_OK) == 0)
		isolation_add(&vm->isolation, DEFAULT_OPTIONS, "options of all VMs");
}

static void add_own(struct vm *vm, char *const *command)
{
	struct isolation *isolation = &vm->isolation;

	add_default_options(vm);
	struct isolation_path *home = isolation_add(isolation, isolation->home, "HOME of QEMU");
	home->writable = home->makes = true;
	/* By -accel, by the name of the program, or in a file that is not looked at here. */
	if (uses_kvm(command)) {
		struct isolation_path *kvm = isolation_add(isolation, "/dev/kvm", "KVM");
		kvm->writable = kvm->optional = true;
	}
}

/* Those of cgroup_device_acl, which libvirt puts into the /dev of each VM; terminals are its own.
 */
static void add_listed_devices(struct vm *vm)
{
	const struct settings *s = vm->settings;

	for (size_t i = 0; i < s->n_devices; i++) {
		const char *path = s->devices[i];
		struct stat st;
		bool is_node = strncmp(path, "/dev/", strlen("/dev/")) == 0 &&
			       !strstr(path, "/../") && strcmp(path, "/dev/ptmx") != 0 &&
			       stat(path, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode));
		if (!is_node)
			continue;
		struct isolation_path *added =
			isolation_add(&vm->isolation, path, "cgroup_device_acl");
		added->writable = added->optional = true;
	}
}

/* One mount for each name: what is written is, whoever only reads it. */
static void merge(struct isolation *isolation)
{
	size_t n = 0;

	for (size_t i = 0; i < isolation->n_paths; i++) {
		struct isolation_path *path = &isolation->paths[i];
		struct isolation_path *last = n ? &isolation->paths[n - 1] : NULL;
		if (!last || strcmp(last->path, path->path) != 0) {
			isolation->paths[n++] = *path;
			continue;
		}
		last->writable |= path->writable;
		last->has_id |= path->has_id;
		last->makes |= path->makes;
		last->moves |= path->moves;
		last->executes |= path->executes;
		last->devices |= path->devices;
		last->optional &= path->optional;
		free(path->path);
		free(path->source);
	}
	isolation->n_paths = n;
}

/*
 * What the command line needs
 */

static void take_ports(
	struct isolation_ports *ports, const struct qemu_ports *needed, bool takes_all)
{
	ports->any = needed->any || takes_all;
	ports->all = xcalloc(needed->n + 1, sizeof *ports->all);
	ports->n = needed->n;
	memcpy(ports->all, needed->all, needed->n * sizeof *ports->all);
}

/*
 * What a VM whose isolation nobody asked for could do through its monitor, too, or with programs of
 * the host.
 */
static void keep_working(struct isolation *isolation, const struct qemu_needs *needs)
{
	isolation->forks |= needs->spawns;
	isolation->uevents |= needs->usb;
	isolation->mptcp = true;
	if (needs->ipc)
		isolation->ipc = xstrdup("sound is shared with other programs by it");
}

static void take_needs(struct vm *vm, char *const *command)
{
	struct isolation *isolation = &vm->isolation;
	struct qemu_needs needs;

	qemu_needs(command, &needs);
	if (vm->shares_network)
		isolation->network = xstrdup("--share-network says so");
	else if (isolation->layers & ISOLATE_NETWORK)
		isolation->network = steal_pointer(&needs.network);
	take_ports(&isolation->listens, &needs.listens, vm->shares_network);
	take_ports(&isolation->connects, &needs.connects, vm->shares_network);
	isolation->terminals = needs.terminals;
	isolation->io_uring = needs.io_uring;
	isolation->aio = needs.aio;
	isolation->userfaultfd = needs.incoming;
	isolation->vsock = needs.vsock;
	isolation->can = needs.can;
	isolation->xdp = needs.xdp;
	isolation->mptcp = needs.mptcp;
	isolation->abstract = needs.abstract;
	isolation->keyring = needs.keyring;
	isolation->affinity = needs.affinity;
	isolation->inotify = needs.inotify;
	isolation->memfd = needs.memfd;
	isolation->shm = needs.shm;
	isolation->processes = (unsigned long long)needs.cpus + MORE_THREADS;
	isolation->executes = vm->args->starts_programs || program_is_script(isolation->program);
	isolation->forks = vm->args->daemonize || isolation->executes;
	if (vm->isolation.mode != ISOLATE_FULL)
		keep_working(isolation, &needs);
	if (needs.host_name)
		isolation->host_name = xstrdup("SASL tells it to clients");
	for (size_t i = 0; vm_has_own_root(vm) && i < needs.n_sockets; i++)
		isolation_add(isolation, needs.sockets[i], "disk of a server")->writable = true;
	qemu_needs_free(&needs);
}

/* Not more than qemu.conf, or else the caller, lets QEMU have anyway (launch/launch.c). */
static bool limit_processes(struct vm *vm, char **error)
{
	const struct limit *limit = &vm->settings->max_processes;
	struct rlimit now = {.rlim_cur = limit->value};

	if (limit->kind == LIMIT_UNLIMITED)
		return true;
	if (limit->kind == LIMIT_UNSET && getrlimit(RLIMIT_NPROC, &now) < 0)
		return error_set_errno(error, "cannot get the limit of processes (RLIMIT_NPROC)");
	if (now.rlim_cur < vm->isolation.processes)
		vm->isolation.processes = now.rlim_cur;
	return true;
}

/* Whether a file is named relative to the current directory. */
static bool has_relative_names(const struct vm *vm)
{
	const struct qemuargs *args = vm->args;

	for (size_t i = 0; i < args->n_resources; i++) {
		const struct qemuargs_resource *r = &args->resources[i];
		bool is_name = r->kind != RESOURCE_FD && r->kind != RESOURCE_PCI &&
			       r->kind != RESOURCE_USB && r->kind != RESOURCE_TAP &&
			       r->kind != RESOURCE_BRIDGE && r->kind != RESOURCE_PASST;
		if (is_name && r->path && r->path[0] != '/')
			return true;
	}
	return vm->names_relative;
}

/* What would end the start behind the claims is an obstacle, and told as one, once. */
static void check_host(struct vm *vm)
{
	struct isolation *isolation = &vm->isolation;
	cleanup_free char *source = xasprintf("--isolate=%s", isolation_mode_name(isolation->mode));
	const struct qemuargs_resource r = {
		.kind = RESOURCE_FILE, .access = ACCESS_RO, .source = source};
	cleanup_free char *last = NULL;

	for (unsigned i = 0; i < ISOLATE_LAYERS; i++) {
		enum isolate_layer layer = isolation_layer(i);
		char *why = isolation->layers & layer ? isolation_why_not(isolation, layer) : NULL;
		if (!why || isolation_do_without(isolation, layer, why))
			continue;
		if (last && strcmp(last, why) == 0) {
			free(why);
			continue;
		}
		free(last);
		last = xstrdup(why);
		vm_refuse(vm, &r, why);
	}
}

bool vm_plan_isolation(struct vm *vm, const char *program, char *const *command, char **error)
{
	struct isolation *isolation = &vm->isolation;

	if (!isolation->layers)
		return true;
	isolation->program = realpath(program, NULL);
	if (!isolation->program)
		return error_set_errno(error, "cannot resolve %s", program);
	isolation->home = xasprintf(RUNTIME_DIR "/%s", vm->name);
	note_items(vm);
	take_needs(vm, command);
	if (!limit_processes(vm, error))
		return false;
	check_host(vm);
	if (!vm_has_own_root(vm))
		return true;
	/* Otherwise its name is nobody's business there. */
	isolation->directory = has_relative_names(vm) ? getcwd(NULL, 0) : xstrdup("/");
	if (!isolation->directory || isolation->directory[0] != '/')
		return error_set_errno(error, "cannot determine the current directory");
	if (!add_items(vm, error) || !vm_add_shares(vm, error))
		return false;
	add_places(vm);
	add_own(vm, command);
	add_listed_devices(vm);
	if (!isolation_add_system(isolation, error))
		return false;
	isolation_sort(isolation);
	merge(isolation);
	return vm_check_unseen(vm, error);
}

/*
 * In QEMU's process
 */

static void fill_places(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_steps; i++)
		for (size_t n = 0; vm->steps[i].visible && n < vm->isolation.n_paths; n++)
			if (strcmp(vm->isolation.paths[n].path, vm->steps[i].visible) == 0)
				vm->isolation.paths[n].tree = vm->steps[i].object;
}

bool vm_enter_isolation(void *context, char **error)
{
	struct vm *vm = context;
	const struct claims_plan *claims = &vm->claims;
	size_t n = claims->fds && claims->journal ? claims->journal->n_entries : 0;
	size_t first = n ? claims->first_new : 0;

	if (!vm->isolation.layers)
		return true;
	fill_places(vm);
	return isolate_enter(&vm->isolation, n ? claims->fds + first : NULL, n - first, error);
}

bool vm_restrict_isolated(struct vm *vm, char **error)
{
	return isolate_restrict(&vm->isolation, vm->fds, vm->n_fds, error);
}

/*
 * The end
 */

bool vm_end_isolated(struct vm *vm)
{
	cleanup_free char *error = NULL;

	if (!(vm->isolation.layers & ISOLATE_ID) || vm->id_lock < 0 ||
		pool_end_processes(vm->identity.uid, &error))
		return true;
	warn("VM '%s': %s; what it has claimed stays claimed; to end what is left of it, and "
	     "release "
	     "its claim: virt-priv-chown recover",
		vm->name, error);
	pool_leave(&vm->id_lock);
	return false;
}

void vm_let_go_of_id(struct vm *vm)
{
	if (vm->runs)
		pool_leave(&vm->id_lock);
	else if (vm->isolation.layers & ISOLATE_ID)
		pool_let_go(vm->identity.uid, &vm->id_lock);
}
