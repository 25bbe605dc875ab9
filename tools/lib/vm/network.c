/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tap devices and bridges are made as root with the options that were asked for, and passed.
 * The scripts of a tap device run as root around QEMU, as QEMU itself would have run them.
 */
#include "vm/network.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/help.h"
#include "base/io.h"
#include "base/log.h"
#include "claims/downscripts.h"
#include "claims/runtime_dir.h"
#include "path/roots.h"
#include "vm/descriptors.h"
#include "vm/devices.h"
#include "vm/interface.h"
#include "vm/node.h"
#include "vm/step.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TUN "/dev/net/tun"
#define VHOST_NET "/dev/vhost-net"
#define DEFAULT_BRIDGE "br0"

extern char **environ;

/* Runs a program as root, waits for it, and says how it failed. */
static bool run_program(char *const *words, char **error)
{
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int status;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	int number = posix_spawn(&pid, words[0], NULL, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	if (number) {
		*error = xasprintf("cannot run %s: %s", words[0], strerror(number));
		return false;
	}
	if (IO_RETRY(waitpid(pid, &status, 0)) < 0) {
		*error = xasprintf("cannot wait for %s: %s", words[0], strerror(errno));
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	*error = WIFEXITED(status)
			 ? xasprintf("%s exited with status %d", words[0], WEXITSTATUS(status))
			 : xasprintf("%s was killed by signal %d", words[0], WTERMSIG(status));
	return false;
}

static bool run_script(const char *script, const char *interface, char **error)
{
	char *words[] = {(char *)script, (char *)interface, NULL};

	return run_program(words, error);
}

/* One queue of a tap device; name is what was asked for, and becomes what it is called. */
static int open_tap(const struct qemuargs_net *net, char name[IFNAMSIZ], char **error)
{
	struct ifreq request = {0};
	cleanup_fd int fd = open(TUN, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	unsigned features = 0;

	if (fd < 0) {
		*error = xasprintf("cannot open " TUN ": %s; modprobe tun", strerror(errno));
		return -1;
	}
	memcpy(request.ifr_name, name, IFNAMSIZ);
	request.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNGETFEATURES, &features) < 0) {
		*error = xasprintf("cannot get the features of " TUN ": %s", strerror(errno));
		return -1;
	}
	if (features & IFF_ONE_QUEUE)
		request.ifr_flags |= IFF_ONE_QUEUE;
	if (net->vnet_hdr && (features & IFF_VNET_HDR))
		request.ifr_flags |= IFF_VNET_HDR;
	if (net->queues > 1)
		request.ifr_flags = (short)(request.ifr_flags | IFF_MULTI_QUEUE);
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		*error = xasprintf("cannot create the tap device %s: %s", *name ? name : "tap%d",
			strerror(errno));
		return -1;
	}
	memcpy(name, request.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return steal_fd(&fd);
}

static bool open_queues(struct vm_step *step, char name[IFNAMSIZ], char **error)
{
	const struct qemuargs_net *net = step->net;

	for (unsigned i = 0; i < net->queues; i++) {
		int fd = open_tap(net, name, error);
		if (fd < 0 || !vm_fill(step->fds[i], fd, error))
			return false;
		if (step->vhost_fds && !vm_open_node(net->vhostdev ? net->vhostdev : VHOST_NET,
					       step->vhost_fds[i], error))
			return false;
	}
	return true;
}

/* QEMU only complains at its end when that is missing, and so it is often missing. */
static bool is_missing_default(const char *downscript)
{
	return strcmp(downscript, "/etc/qemu-ifdown") == 0 && access(downscript, F_OK) < 0;
}

/*
 * The downscript is for an interface that is there, which ends with the last descriptor: QEMU's is
 * not. Where this process is killed, somebody has to know of it.
 */
static bool keep_for_downscript(struct vm *vm, struct vm_step *step, char **error)
{
	const char *script = step->net->downscript;

	if (!script || is_missing_default(script))
		return true;
	cleanup_fd int runtime = runtime_dir_open(error);
	if (runtime < 0 || !downscripts_note(runtime, vm->name, script, step->name, error))
		return false;
	step->kept = fcntl(step->fds[0], F_DUPFD_CLOEXEC, 3);
	if (step->kept < 0)
		*error = xasprintf("cannot keep %s open: %s", step->name, strerror(errno));
	return step->kept >= 0;
}

static void let_go_of_tap(struct vm_step *step)
{
	if (step->kept >= 0)
		close(step->kept);
	step->kept = -1;
}

static bool prepare_tap(struct vm *vm, struct vm_step *step, char **error)
{
	char name[IFNAMSIZ] = "";

	snprintf(name, sizeof name, "%s", step->net->ifname ? step->net->ifname : "tap%d");
	if (!open_queues(step, name, error))
		return false;
	step->name = xstrdup(name);
	if (!keep_for_downscript(vm, step, error))
		return false;
	if (!step->net->script || run_script(step->net->script, name, error))
		return true;
	let_go_of_tap(step);
	return false;
}

static void give_tap_back(struct vm *vm, struct vm_step *step)
{
	(void)vm;
	cleanup_free char *error = NULL;

	if (step->net->downscript && !is_missing_default(step->net->downscript) &&
		!run_script(step->net->downscript, step->name, &error))
		warn("%s", error);
	let_go_of_tap(step);
}

/* What qemu-bridge-helper does (qemu-bridge-helper.c), without its list of bridges: root may. */
static bool join_bridge(const char *bridge, const char *name, char **error)
{
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", bridge);
	request.ifr_ifindex = (int)if_nametoindex(name);
	if (fd < 0 || ioctl(fd, SIOCBRADDIF, &request) < 0) {
		*error = xasprintf(
			"cannot add %s to the bridge %s: %s", name, bridge, strerror(errno));
		return false;
	}
	memset(&request, 0, sizeof request);
	snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
	/* A high address, so that the bridge does not take it for its own. */
	if (ioctl(fd, SIOCGIFHWADDR, &request) == 0) {
		request.ifr_hwaddr.sa_data[0] = (char)0xfe;
		ioctl(fd, SIOCSIFHWADDR, &request);
	}
	if (ioctl(fd, SIOCGIFFLAGS, &request) < 0) {
		*error = xasprintf("cannot get the flags of %s: %s", name, strerror(errno));
		return false;
	}
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
		*error = xasprintf("cannot bring %s up: %s", name, strerror(errno));
		return false;
	}
	return true;
}

static bool prepare_bridge(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	char name[IFNAMSIZ] = "tap%d";

	if (!open_queues(step, name, error))
		return false;
	step->name = xstrdup(name);
	return join_bridge(step->net->bridge ? step->net->bridge : DEFAULT_BRIDGE, name, error);
}

/* The descriptor that a helper program sends, as recv_fd() of QEMU's net/tap.c takes it. */
static int receive_descriptor(int from)
{
	char byte;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = {&byte, 1};
	struct msghdr message = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	ssize_t n = IO_RETRY(recvmsg(from, &message, MSG_CMSG_CLOEXEC));
	int fd;

	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
		header->cmsg_len != CMSG_LEN(sizeof(int)))
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

/* helper= is a shell command, if it has blanks, or a program (net_bridge_run_helper()). */
static bool prepare_helper(struct vm *vm, struct vm_step *step, char **error)
{
	(void)vm;
	const char *bridge = step->net->bridge ? step->net->bridge : DEFAULT_BRIDGE;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		*error = xasprintf("cannot create a socket pair: %s", strerror(errno));
		return false;
	}
	cleanup_fd int ours = pair[0], theirs = pair[1];
	fcntl(ours, F_SETFD, FD_CLOEXEC);
	cleanup_free char *fd_word = xasprintf("--fd=%d", theirs);
	cleanup_free char *br_word = xasprintf("--br=%s", bridge);
	cleanup_free char *line = xasprintf("%s %s %s", step->net->helper, fd_word,
		strstr(step->net->helper, "--br=") ? "" : br_word);
	char *direct[] = {step->net->helper, (char *)"--use-vnet", fd_word, br_word, NULL};
	char *shell[] = {(char *)"/bin/sh", (char *)"-c", line, NULL};
	if (!run_program(strpbrk(step->net->helper, " \t") ? shell : direct, error))
		return false;
	close(steal_fd(&theirs));
	int fd = receive_descriptor(ours);
	if (fd < 0) {
		*error = xasprintf("%s did not send a descriptor", step->net->helper);
		return false;
	}
	return vm_fill(step->fds[0], fd, error);
}

/*
 * Planning
 */

/* A program that root runs must be root's, below directories that nobody else can change. */
static bool check_program(struct vm *vm, const struct qemuargs_resource *r, const char *program)
{
	cleanup_free char *path = vm_absolute(vm, program);
	cleanup_free char *error = NULL;
	cleanup_free char *why = NULL;
	char *help = NULL;
	struct safepath walk;
	bool good = false;

	if (!path)
		return false;
	if (!safepath_open(path, &walk, &error))
		vm_refuse(vm, r, xasprintf("%s; to run no script: script=no", error));
	else if (walk.unsafe)
		vm_refuse(vm, r, xasprintf("it would run as root: %s", walk.unsafe));
	else if (!S_ISREG(walk.st.st_mode))
		vm_refuse(vm, r, xasprintf("%s is not a regular file", path));
	else if ((why = roots_why_not(walk.fd, &walk.st, path, "check its content", &help)))
		vm_refuse_helped(vm, r,
			xasprintf("%s would run as root, but is writable by users other than root: "
				  "%s",
				path, why),
			help);
	else
		good = true;
	safepath_close(&walk);
	return good;
}

static bool is_interface_name(const char *name)
{
	return *name && strlen(name) < IFNAMSIZ && !strchr(name, '/');
}

static bool wants_vhost(const struct vm *vm, const struct qemuargs_resource *r)
{
	for (size_t i = 0; i < vm->args->n_resources; i++)
		if (vm->args->resources[i].kind == RESOURCE_VHOST_NET &&
			vm->args->resources[i].option == r->option)
			return true;
	return false;
}

/* "7", or "7:8:9" of several queues. */
static void set_descriptors(
	struct vm *vm, size_t option, const char *one, const char *many, const int *fds, unsigned n)
{
	char *list = xasprintf("%d", fds[0]);

	for (unsigned i = 1; i < n; i++) {
		cleanup_free char *before = list;
		list = xasprintf("%s:%d", before, fds[i]);
	}
	qemuargs_set(vm->args, option, n > 1 ? many : one, list);
	free(list);
}

static int *reserve(struct vm *vm, unsigned n)
{
	int *fds = xcalloc(n, sizeof *fds);

	for (unsigned i = 0; i < n; i++)
		fds[i] = vm_reserve(vm);
	return fds;
}

/* Keys that say how to make the device can't stand beside fd=. */
static void replace_keys(struct vm *vm, const struct qemuargs_resource *r)
{
	static const char *const keys[] = {
		"ifname", "script", "downscript", "vnet_hdr", "helper", "queues", "br", "vhostdev"};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++)
		qemuargs_set(vm->args, r->option, keys[i], NULL);
	if (r->kind == RESOURCE_BRIDGE)
		qemuargs_set(vm->args, r->option, "type", "tap");
}

/* For that cause, with "; " and the command behind it. Takes both. */
static void refuse_with_command(
	struct vm *vm, const struct qemuargs_resource *r, char *cause, char *command)
{
	char *help;
	char *reason = help_message(&help, cause, "; ", command);

	vm_refuse_helped(vm, r, reason, help);
}

/* What is to be joined must be a bridge of the kernel's. */
static bool check_bridge(struct vm *vm, const struct qemuargs_resource *r, const char *bridge)
{
	struct interface interface;

	if (!interface_look(bridge, &interface))
		return true;
	if (!interface.exists)
		refuse_with_command(vm, r, xasprintf("there is no bridge %s", bridge),
			xasprintf(
				"ip link add %s type bridge && ip link set %s up", bridge, bridge));
	else if (strcmp(interface.kind, "bridge") != 0)
		vm_refuse(vm, r,
			xasprintf("%s is not a bridge of the kernel; to list them: ip link show "
				  "type bridge",
				bridge));
	else
		return true;
	return false;
}

static void refuse_queues(
	struct vm *vm, const struct qemuargs_resource *r, const char *name, bool has_queues)
{
	if (has_queues)
		vm_refuse(vm, r,
			xasprintf("the tap device %s has several queues; add queues=2 or more",
				name));
	else
		refuse_with_command(vm, r,
			xasprintf("the tap device %s has one queue; remove queues=, or create it "
				  "anew",
				name),
			xasprintf("ip link delete %s && ip tuntap add %s mode tap multi_queue",
				name, name));
}

/* A tap device that exists is attached to: tun_set_iff() of drivers/net/tun.c. */
static bool check_tap(
	struct vm *vm, const struct qemuargs_resource *r, const struct qemuargs_net *net)
{
	struct interface interface;
	const char *name = net->ifname;

	if (!name || strchr(name, '%') || !interface_look(name, &interface) || !interface.exists)
		return true;
	if (strcmp(interface.kind, "tun") != 0 || (interface.is_known && !interface.is_tap)) {
		vm_refuse(vm, r,
			xasprintf("%s exists, and is not a tap device; use another ifname=", name));
		return false;
	}
	if (interface.is_known && interface.has_queues != (net->queues > 1)) {
		refuse_queues(vm, r, name, interface.has_queues);
		return false;
	}
	if (interface.has_queues || !interface.has_carrier)
		return true;
	cleanup_free char *holder = interface_holder(name);
	if (holder)
		vm_refuse(vm, r,
			xasprintf("the tap device %s is in use by %s; stop it, or use another "
				  "ifname=",
				name, holder));
	return !holder;
}

/* Whether what it is made of is there. */
static bool check_host(struct vm *vm, const struct qemuargs_resource *r,
	const struct qemuargs_net *net, bool has_helper, bool has_vhost)
{
	const char *vhost = net->vhostdev ? net->vhostdev : VHOST_NET;
	char *help = NULL;
	char *why = has_helper ? NULL : node_why_missing(TUN, &help);

	if (!why && has_vhost)
		why = node_why_missing(vhost, &help);
	if (why) {
		vm_refuse_helped(vm, r, why, help);
		return false;
	}
	if (has_helper)
		return true;
	return r->kind == RESOURCE_BRIDGE
		       ? check_bridge(vm, r, net->bridge ? net->bridge : DEFAULT_BRIDGE)
		       : check_tap(vm, r, net);
}

static bool check_net(struct vm *vm, const struct qemuargs_resource *r,
	const struct qemuargs_net *net, bool has_helper)
{
	const char *name = r->kind == RESOURCE_BRIDGE ? net->bridge : net->ifname;

	if (name && !is_interface_name(name)) {
		vm_refuse(vm, r, xasprintf("'%s' is not a valid interface name", name));
		return false;
	}
	if (has_helper)
		return strpbrk(net->helper, " \t") || check_program(vm, r, net->helper);
	return (!net->script || check_program(vm, r, net->script)) &&
	       (!net->downscript || is_missing_default(net->downscript) ||
		       check_program(vm, r, net->downscript));
}

void vm_plan_network(struct vm *vm, size_t resource)
{
	const struct qemuargs_resource *r = &vm->args->resources[resource];
	const struct qemuargs_net *net = qemuargs_net(vm->args, resource);
	bool has_helper = net->helper && *net->helper;

	if (!check_net(vm, r, net, has_helper) ||
		!check_host(vm, r, net, has_helper, wants_vhost(vm, r)))
		return;
	struct vm_step *step = vm_step(vm, r->path);
	step->net = net;
	step->fds = reserve(vm, net->queues);
	if (wants_vhost(vm, r))
		step->vhost_fds = reserve(vm, net->queues);
	step->prepare = has_helper		     ? prepare_helper
			: r->kind == RESOURCE_BRIDGE ? prepare_bridge
						     : prepare_tap;
	if (!has_helper && r->kind == RESOURCE_TAP)
		step->give_back = give_tap_back;
	replace_keys(vm, r);
	set_descriptors(vm, r->option, "fd", "fds", step->fds, net->queues);
	if (step->vhost_fds)
		set_descriptors(vm, r->option, "vhostfd", "vhostfds", step->vhost_fds, net->queues);
	vm_item(vm, r, ACTION_MAKE,
		xasprintf("created as root, and passed%s%s", net->script ? ", by " : "",
			net->script ? net->script : ""));
}
