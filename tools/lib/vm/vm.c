/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/vm.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/process.h"
#include "base/resource.h"
#include "claims/find.h"
#include "claims/holder.h"
#include "claims/lockwait.h"
#include "claims/probe.h"
#include "path/open_files.h"
#include "path/probe.h"
#include "vm/header.h"
#include "vm/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where reserved numbers begin: above what a shell hands to QEMU by number. */
#define FIRST_RESERVED 64

/* The words of tests/schema/virt-priv-run.json. */
static const char *kind_name(enum resource_kind kind)
{
	switch (kind) {
	case RESOURCE_DISK:
	case RESOURCE_BACKING:
		return "disk";
	case RESOURCE_NVRAM:
		return "nvram";
	case RESOURCE_LOG:
	case RESOURCE_PIDFILE:
		return "log";
	case RESOURCE_LISTEN:
	case RESOURCE_CONNECT:
		return "socket";
	case RESOURCE_TAP:
	case RESOURCE_BRIDGE:
		return "tap";
	case RESOURCE_VHOST_NET:
	case RESOURCE_VHOST:
	case RESOURCE_DEVICE:
	case RESOURCE_PCI:
	case RESOURCE_USB:
		return "device";
	case RESOURCE_MEMORY:
		return "memory";
	default:
		return "file";
	}
}

struct vm_item *vm_item(struct vm *vm, const struct qemuargs_resource *resource,
	enum resource_action action, char *reason)
{
	vm->items = xreallocarray(vm->items, vm->n_items + 1, sizeof *vm->items);
	struct vm_item *item = &vm->items[vm->n_items++];
	*item = (struct vm_item){
		.path = resource->path ? xstrdup(resource->path) : NULL,
		.kind = kind_name(resource->kind),
		.access = resource->access,
		.action = action,
		.source = xstrdup(resource->source),
		.reason = reason ? reason : xstrdup(resource->reason ? resource->reason : ""),
	};
	if (action == ACTION_REFUSE)
		vm->refused = true;
	return item;
}

void vm_refuse(struct vm *vm, const struct qemuargs_resource *resource, char *reason)
{
	vm_item(vm, resource, ACTION_REFUSE, reason);
}

struct vm_step *vm_step(struct vm *vm, const char *path)
{
	vm->steps = xreallocarray(vm->steps, vm->n_steps + 1, sizeof *vm->steps);
	struct vm_step *step = &vm->steps[vm->n_steps++];
	*step = (struct vm_step){.path = path ? xstrdup(path) : NULL,
		.fd = -1,
		.object = -1,
		.staging = -1,
		.place = {.dir = -1, .walk = {.fd = -1}}};
	return step;
}

static void add_fd(struct vm *vm, int fd)
{
	vm->fds = xreallocarray(vm->fds, vm->n_fds + 1, sizeof *vm->fds);
	vm->fds[vm->n_fds++] = fd;
}

/* A descriptor of / alone takes the number, good for nothing but to be replaced. */
int vm_reserve(struct vm *vm)
{
	cleanup_fd int placeholder = open("/", O_PATH | O_CLOEXEC);
	int fd = placeholder < 0 ? -1 : fcntl(placeholder, F_DUPFD_CLOEXEC, FIRST_RESERVED);

	if (fd < 0)
		die_errno("can't reserve a descriptor; a higher limit of open files (ulimit -n) "
			  "helps");
	add_fd(vm, fd);
	return fd;
}

bool vm_fill(int reserved, int fd, char **error)
{
	bool good = dup3(fd, reserved, O_CLOEXEC) == reserved;

	if (!good)
		*error = xasprintf("can't use descriptor %d: %s", reserved, strerror(errno));
	close(fd);
	return good;
}

char *vm_fd_path(int fd)
{
	return xasprintf("/proc/self/fd/%d", fd);
}

static char *why_denied(struct vm *vm, const struct safepath *walk, int wanted, bool *way,
	char *(*explain)(const struct denial *denial, const struct identity *identity))
{
	struct denials denials;
	char *why = NULL;
	bool good = access_denials(walk, wanted, &vm->identity, &denials, &why);

	*way = good && denials.n > 0;
	/* Every component that is in the way, not the first alone. */
	for (size_t i = 0; i < denials.n; i++) {
		const struct denial *denial = &denials.all[i];
		cleanup_free char *before = why;
		cleanup_free char *next = explain(denial, &vm->identity);
		why = before ? xasprintf("%s; %s", before, next) : xstrdup(next);
		*way = *way && denial->missing == X_OK;
	}
	access_free(&denials);
	return why;
}

char *vm_why_denied(struct vm *vm, const struct safepath *walk, int wanted, bool *way)
{
	return why_denied(vm, walk, wanted, way, access_explain);
}

char *vm_why_named_denied(struct vm *vm, const struct safepath *walk, int wanted, bool *way)
{
	return why_denied(vm, walk, wanted, way, access_cause);
}

void vm_want(struct vm *vm, const struct claim_request *resource)
{
	vm->wanted = xreallocarray(vm->wanted, vm->n_wanted + 1, sizeof *vm->wanted);
	struct claim_request *copy = &vm->wanted[vm->n_wanted++];
	*copy = *resource;
	copy->path = xstrdup(resource->path);
	copy->source = xstrdup(resource->source);
	copy->reason = xstrdup(resource->reason);
}

bool vm_add_claim(
	struct vm *vm, const struct qemuargs_resource *resource, const struct claim_request *asked)
{
	cleanup_free char *absolute = place_absolute(asked->path);
	struct claim_request wanted = *asked;

	wanted.kind = RESOURCE_DISK;
	wanted.path = absolute;
	wanted.source = resource->source;
	wanted.reason = resource->reason ? resource->reason : (char *)"";
	wanted.shared = resource->shared && resource->access != ACCESS_RO;
	if (wanted.shared)
		wanted.access = ACCESS_RW;
	claims_add(&vm->claims, &wanted);
	vm_want(vm, &wanted);
	const struct claims_item *item = &vm->claims.items[vm->claims.n_items - 1];
	struct vm_item *ours = vm_item(vm, resource, item->action, xstrdup(item->reason));
	free(ours->path);
	ours->path = steal_pointer(&absolute);
	return item->action != ACTION_REFUSE;
}

/*
 * Planning
 */

/* What a killed runner left of a VM of that name, if its QEMU is gone too. */
static bool recover_abandoned(struct vm *vm, char **error)
{
	struct journal *journal;
	bool all_read;
	size_t n;

	if (!claims_probe(vm->name, &journal, error))
		return false;
	if (!journal)
		return true;
	enum claims_hold hold = claims_hold(journal, error);
	if (hold == CLAIMS_ABANDONED && !vm->dry_run) {
		struct journal **all = journal_read_all(&n, &all_read);
		info("the claim of the VM %s is abandoned, and is given back first", vm->name);
		claims_release(journal, NULL, true, all, n);
		for (size_t i = 0; i < n; i++)
			journal_free(all[i]);
		free(all);
	}
	journal_free(journal);
	return hold != CLAIMS_UNKNOWN;
}

static bool begin_claims(struct vm *vm, char **error)
{
	struct claims_plan *plan = &vm->claims;

	*plan = (struct claims_plan){
		.settings = vm->settings, .dry_run = vm->dry_run, .label = vm->label};
	plan->claimable.forced = (const char *const *)vm->forced;
	plan->claimable.n_forced = vm->n_forced;
	claims_know(plan, vm->label, &vm->identity);
	if (!claims_begin(plan, vm->name, error))
		return false;
	if (plan->is_new)
		return true;
	enum claims_hold hold = claims_hold(plan->journal, error);
	if (hold == CLAIMS_ABANDONED && vm->dry_run)
		return true;
	if (hold == CLAIMS_UNKNOWN)
		return false;
	claims_say_kept(plan->journal);
	if (hold == CLAIMS_ABANDONED) {
		*error = xasprintf(
			"a claim of the VM %s that nobody holds any more could not be given "
			"back wholly: see above; virt-priv-chown status lists what stays; "
			"another name: --name",
			vm->name);
		return false;
	}
	cleanup_free char *advice = holder_advice(plan->journal);
	*error = xasprintf("a VM of the name %s has a claim already; %s; another name: --name",
		vm->name, advice);
	return false;
}

static void end_claims(struct vm *vm)
{
	claims_end(&vm->claims);
	vm->claims = (struct claims_plan){0};
	journal_unlock();
}

static void plan_fd(struct vm *vm, size_t i)
{
	const struct qemuargs_resource *resource = &vm->args->resources[i];
	char *end;
	long fd = strtol(resource->path, &end, 10);

	int flags = *end || end == resource->path || fd < 0 || fd > 1 << 20
			    ? -1
			    : fcntl((int)fd, F_GETFD);
	/* What came from the caller came through execve(2); what is closed there is our own. */
	if (flags < 0 || (fd > STDERR_FILENO && flags & FD_CLOEXEC)) {
		vm_refuse(vm, resource,
			xasprintf("descriptor %s is not open; the caller must open it first, as "
				  "in: %s<>FILE",
				resource->path, resource->path));
		return;
	}
	if (fd > STDERR_FILENO)
		add_fd(vm, (int)fd);
	vm_item(vm, resource, ACTION_PASS, xstrdup("a descriptor of the caller's"));
}

static void plan_refusal(struct vm *vm, size_t resource)
{
	vm_refuse(vm, &vm->args->resources[resource], NULL);
}

static void plan_warning(struct vm *vm, size_t resource)
{
	vm_item(vm, &vm->args->resources[resource], ACTION_LEAVE, NULL);
}

/* A vhost-net node is opened together with its tap device. */
static void plan_with_tap(struct vm *vm, size_t resource)
{
	(void)vm;
	(void)resource;
}

static void plan_resource(struct vm *vm, size_t i)
{
	/* A kind that no command line names has none, and is refused. */
	static void (*const planners[])(struct vm * vm, size_t resource) = {
		[RESOURCE_DISK] = vm_plan_image,
		[RESOURCE_BACKING] = vm_plan_image,
		[RESOURCE_NVRAM] = vm_plan_image,
		[RESOURCE_FILE] = vm_plan_file,
		[RESOURCE_DIRECTORY] = vm_plan_directory,
		[RESOURCE_LOG] = vm_plan_log,
		[RESOURCE_PIDFILE] = vm_plan_pid_file,
		[RESOURCE_LISTEN] = vm_plan_listen,
		[RESOURCE_CONNECT] = vm_plan_connect,
		[RESOURCE_TAP] = vm_plan_network,
		[RESOURCE_BRIDGE] = vm_plan_network,
		[RESOURCE_VHOST_NET] = plan_with_tap,
		[RESOURCE_VHOST] = vm_plan_vhost,
		[RESOURCE_DEVICE] = vm_plan_device,
		[RESOURCE_PCI] = vm_plan_pci,
		[RESOURCE_USB] = vm_plan_usb,
		[RESOURCE_MEMORY] = vm_plan_memory,
		[RESOURCE_FD] = plan_fd,
		[RESOURCE_REFUSED] = plan_refusal,
		[RESOURCE_WARNING] = plan_warning,
	};
	enum resource_kind kind = vm->args->resources[i].kind;

	if (kind < sizeof planners / sizeof *planners && planners[kind])
		planners[kind](vm, i);
	else
		vm_refuse(vm, &vm->args->resources[i],
			xasprintf("%s: no planner for it", resource_kind_name(kind)));
}

/* Whether QEMU starts programs, which a filter can forbid. */
static bool starts_programs(const struct vm *vm)
{
	for (size_t i = 0; i < vm->args->n_options; i++) {
		const char *name = vm->args->options[i].name;
		if (strcmp(name, "incoming") == 0) {
			const char *value = qemuargs_get(vm->args, i, NULL);
			if (value && strncmp(value, "exec:", 5) == 0)
				return true;
		} else if (strcmp(name, "netdev") == 0 || strcmp(name, "nic") == 0 ||
			   strcmp(name, "net") == 0) {
			if (qemuargs_get(vm->args, i, "smb") ||
				qemuargs_get(vm->args, i, "guestfwd"))
				return true;
		}
	}
	return false;
}

/*
 * What libvirt adds (qemuBuildSeccompSandboxCommandLine()), unless it is told not to. A
 * daemon forks and calls setsid(2) behind the filter, and is killed if it may not; without
 * capabilities and with no_new_privs it has nothing to elevate.
 */
static void plan_sandbox(struct vm *vm)
{
	if (vm->args->sandbox || vm->settings->seccomp_sandbox.value == 0)
		return;
	qemuargs_append(vm->args, "sandbox",
		vm->args->daemonize ? "on,obsolete=deny,resourcecontrol=deny"
		: starts_programs(vm)
			? "on,obsolete=deny,elevateprivileges=deny,resourcecontrol=deny"
			: "on,obsolete=deny,elevateprivileges=deny,spawn=deny,"
			  "resourcecontrol=deny");
}

/* What QEMU locks must be within its limit: tried here, so that nothing has to be undone. */
static void plan_limits(struct vm *vm)
{
	static const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit now;

	if (!vm->args->locks_memory || getrlimit(RLIMIT_MEMLOCK, &now) < 0 ||
		now.rlim_cur == RLIM_INFINITY)
		return;
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0) {
		setrlimit(RLIMIT_MEMLOCK, &now);
		return;
	}
	struct qemuargs_resource r = {.kind = RESOURCE_MEMORY,
		.access = ACCESS_RW,
		.source = (char *)"locked memory",
		.reason = (char *)""};
	vm_refuse(vm, &r,
		xstrdup("the limit of locked memory can't be raised, which needs CAP_SYS_RESOURCE; "
			"have it raised before: ulimit -l unlimited, or LimitMEMLOCK=infinity of a "
			"unit"));
}

/* Before others have to wait for it, whether what the command line names can be reached at all. */
static void probe_resources(const struct vm *vm)
{
	cleanup_free char **paths = xcalloc(vm->args->n_resources + 1, sizeof *paths);
	char here[PATH_MAX];
	bool is_here = getcwd(here, sizeof here) != NULL;
	size_t n = 0;

	for (size_t i = 0; i < vm->args->n_resources; i++) {
		const char *path = vm->args->resources[i].path;
		if (path && (path[0] == '/' || is_here))
			paths[n++] = path[0] == '/' ? xstrdup(path)
						    : xasprintf("%s/%s", here[1] ? here : "", path);
	}
	probe((const char *const *)paths, n);
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	for (size_t i = 0; i < vm->args->n_resources && vm->images != VM_IMAGES_LEAVE; i++) {
		const struct qemuargs_resource *r = &vm->args->resources[i];
		if (r->path && (r->kind == RESOURCE_DISK || r->kind == RESOURCE_BACKING ||
				       r->kind == RESOURCE_NVRAM))
			vm_header_probe(r->path, r->format);
	}
}

bool vm_plan(struct vm *vm, char **error)
{
	if (!vm->dry_run && !vm_take_name(vm, error))
		return false;
	probe_resources(vm);
	bool good = true;
	lockwait_begin();
	journal_lock(true);
	bool recovered = recover_abandoned(vm, error);
	while (recovered && lockwait_again(&good))
		recovered = recover_abandoned(vm, error);
	if (!recovered || !begin_claims(vm, error)) {
		end_claims(vm);
		vm_let_go_of_name(vm);
		return false;
	}
	vm_plan_runtime(vm);
	for (size_t i = 0; i < vm->args->n_resources; i++)
		plan_resource(vm, i);
	vm_plan_kvm(vm);
	plan_limits(vm);
	plan_sandbox(vm);
	end_claims(vm);
	return true;
}

static char *name_document(void *context, const char *path, const char *text)
{
	return vm_document(context, path, text);
}

char **vm_command(struct vm *vm, const char *program)
{
	char **words = qemuargs_words(vm->args, name_document, vm);
	size_t n = 0;

	while (words[n])
		n++;
	words = xreallocarray(words, n + 2, sizeof *words);
	memmove(words + 1, words, (n + 1) * sizeof *words);
	words[0] = xstrdup(program);
	return words;
}

/*
 * Carrying it out
 */

void vm_undo(struct vm *vm)
{
	for (size_t i = vm->n_steps; i-- > 0;) {
		struct vm_step *step = &vm->steps[i];
		bool is_prepared = step->is_prepared;
		/* Once, also where the program ends in the midst of it. */
		step->is_prepared = false;
		if (is_prepared && step->give_back)
			step->give_back(vm, step);
	}
}

void vm_remove_made(const struct vm_step *step)
{
	const struct place *place = &step->place;
	struct stat st;
	bool is_there = fstatat(place->dir, place->name, &st, AT_SYMLINK_NOFOLLOW) == 0;

	if (is_there && (st.st_dev != step->dev || st.st_ino != step->ino))
		return;
	if ((!is_there || unlinkat(place->dir, place->name, 0) < 0) && errno != ENOENT)
		warn_errno("can't remove %s", step->path);
}

void vm_finish(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_steps; i++) {
		cleanup_free char *error = NULL;
		if (vm->steps[i].finish && !vm->steps[i].finish(&vm->steps[i], &error))
			die("%s", error);
	}
}

bool vm_prepare(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_steps; i++) {
		cleanup_free char *error = NULL;
		/* A step can add further ones, and move them all. */
		if (!vm->steps[i].prepare(vm, &vm->steps[i], &error)) {
			warn("%s; nothing is started", error);
			vm_undo(vm);
			return false;
		}
		vm->steps[i].is_prepared = true;
	}
	return true;
}

static bool plan_claims_again(struct vm *vm)
{
	cleanup_free char *error = NULL;

	if (!begin_claims(vm, &error)) {
		warn("%s", error);
		return false;
	}
	vm->claims.quiet = true;
	for (size_t i = 0; i < vm->n_wanted; i++)
		claims_add(&vm->claims, &vm->wanted[i]);
	for (size_t i = 0; i < vm->claims.n_items; i++) {
		const struct claims_item *item = &vm->claims.items[i];
		if (item->action == ACTION_REFUSE)
			warn("%s (%s): %s", item->path, item->source, item->reason);
	}
	return !vm->claims.refused;
}

bool vm_claim(struct vm *vm)
{
	pid_t self = getpid();
	cleanup_free char *error = NULL;
	unsigned long long start;

	if (!process_start(self, &start, &error) || !start) {
		warn("%s",
			error ? error : "there is no process of its own in /proc: is it mounted?");
		return false;
	}
	bool good = true;
	lockwait_begin();
	journal_lock(true);
	for (;;) {
		if (!plan_claims_again(vm))
			return false;
		vm->claims.journal->holder = self;
		vm->claims.journal->holder_start = start;
		vm->claims.journal->holder_namespace = process_namespace();
		if (claims_carry_out(&vm->claims))
			break;
		if (!vm->claims.busy || !lockwait_again(&good))
			return false;
		claims_end(&vm->claims);
	}
	/* Before this process is the QEMU user's, who could stop it: others wait for the lock. */
	journal_unlock();
	return true;
}

void vm_let_go(struct vm *vm)
{
	for (size_t i = 0; i < vm->n_fds; i++)
		if (vm->fds[i] > STDERR_FILENO)
			close(vm->fds[i]);
	vm->n_fds = 0;
	for (size_t i = 0; i < vm->n_steps; i++) {
		struct vm_step *step = &vm->steps[i];
		if (step->object >= 0)
			close(step->object);
		step->object = -1;
		safepath_close(&step->place.walk);
	}
	for (size_t i = 0; i < vm->n_wanted; i++)
		if (vm->wanted[i].made)
			close(vm->wanted[i].made);
	vm->n_wanted = 0;
	openers_forget();
}

bool vm_new_holder(struct vm *vm, pid_t holder, char **error)
{
	struct journal *journal;
	bool good;

	journal_lock(true);
	good = journal_read(vm->name, &journal, error);
	if (good && !journal)
		*error = xasprintf("the claim of the VM %s is gone", vm->name);
	else if (good && journal->holder != vm->holder)
		*error = xasprintf("somebody else has claimed files for a VM %s", vm->name);
	good = good && journal && journal->holder == vm->holder;
	unsigned long long start;
	good = good && process_start(holder, &start, error);
	if (good) {
		journal->holder = holder;
		journal->holder_start = start;
		journal->holder_namespace = process_namespace();
		good = journal_write(journal, error);
		vm->holder = holder;
	}
	journal_free(journal);
	journal_unlock();
	return good;
}

/* Gives back what is not locked by others. */
static bool release_round(struct vm *vm)
{
	cleanup_free char *error = NULL;
	struct journal *journal;
	bool all_read;
	size_t n;

	bool good = claims_probe(vm->name, &journal, &error);
	if (!good)
		warn("%s", error);
	/* What was claimed by hand under the name since then is somebody else's. */
	if (journal && journal->holder == vm->holder) {
		vm->was_claimed = true;
		openers_forget();
		struct journal **all = journal_read_all(&n, &all_read);
		good = claims_release(journal, NULL, false, all, n) && all_read;
		for (size_t i = 0; i < n; i++)
			journal_free(all[i]);
		free(all);
	}
	journal_free(journal);
	return good;
}

bool vm_give_back(struct vm *vm)
{
	bool good = true;

	lockwait_begin();
	journal_lock(true);
	vm->was_claimed = false;
	do
		good = release_round(vm) && good;
	while (lockwait_again(&good));
	journal_unlock();
	vm_undo(vm);
	return good;
}
