/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/needs.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/args.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CPUS 65536

/* Whether text has one of the words in it. */
static bool has_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

static bool is_any(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* Network devices whose other end is on the host: those of a tap device or a descriptor are not. */
static bool is_host_net(const char *value)
{
	static const char *const types[] = {
		"user", "socket", "stream", "dgram", "l2tpv3", "netmap", "af-xdp", NULL};
	static const char *const descriptors[] = {",fd=", "addr.type=fd", "\"type\":\"fd\"", NULL};

	/* A VDE switch is a directory with sockets, or has a URL. */
	if (begins(value, "vde"))
		return strstr(value, "://") != NULL;
	return has_any(value, types) && !has_any(value, descriptors);
}

/* Of character devices, monitors and migrations. */
static bool is_host_socket(const char *value)
{
	static const char *const words[] = {"tcp:", "udp:", "telnet:", "websocket:", "tn3270:",
		"rdma:", "udp,", "host=", "port=", "\"inet\"", "=inet", NULL};

	return has_any(value, words);
}

/* Disks that a server has. */
static bool is_host_disk(const char *value)
{
	static const char *const words[] = {"nbd:", "nbd+tcp:", "nbds:", "http:", "https:", "ftp:",
		"ftps:", "ssh:", "iscsi:", "rbd:", "gluster", "nfs:", "sheepdog:", "=nbd", "=http",
		"=ftp", "=ssh", "=iscsi", "=rbd", "=nfs", "\"nbd\"", "\"http", "\"ftp", "\"ssh\"",
		"\"iscsi\"", "\"rbd\"", "\"nfs\"", "=inet", "\"inet\"", NULL};

	return has_any(value, words);
}

/* A socket whose name is no file's. */
static bool is_abstract(const char *value)
{
	static const char *const words[] = {"abstract=on", "abstract=yes", "abstract=true",
		"\"abstract\":true", "\"abstract\": true", NULL};

	return has_any(value, words);
}

/* Objects that are sockets of the host's network. */
static bool is_host_object(const char *value)
{
	static const char *const types[] = {"input-barrier", "can-host-socketcan", NULL};

	return has_any(value, types);
}

/* A display by VNC listens on TCP, unless it says otherwise. */
static bool is_host_vnc(const char *value)
{
	return strcmp(value, "none") != 0 &&
	       (!begins(value, "unix:") || strstr(value, "websocket"));
}

static const char *const disk_options[] = {"drive", "blockdev", "hda", "hdb", "hdc", "hdd", "cdrom",
	"fda", "fdb", "mtdblock", "pflash", "sd", NULL};
static const char *const net_options[] = {"netdev", "nic", "net", NULL};

/* Whether an option with that value needs the host's network. */
static bool needs_network(const char *option, const char *value)
{
	static const char *const sockets[] = {"chardev", "serial", "parallel", "monitor", "qmp",
		"qmp-pretty", "debugcon", "gdb", "incoming", NULL};

	if (is_any(option, net_options))
		return is_host_net(value) || is_abstract(value);
	if (is_any(option, sockets))
		return is_host_socket(value) || is_abstract(value);
	if (is_any(option, disk_options))
		return is_host_disk(value);
	if (strcmp(option, "vnc") == 0)
		return is_host_vnc(value);
	if (strcmp(option, "display") == 0)
		return begins(value, "vnc=") && is_host_vnc(value + strlen("vnc="));
	if (strcmp(option, "spice") == 0)
		return strstr(value, "port=") != NULL;
	if (strcmp(option, "audiodev") == 0)
		return strstr(value, "server=") != NULL;
	if (strcmp(option, "object") == 0)
		return is_host_object(value);
	return strcmp(option, "s") == 0 || strcmp(option, "readconfig") == 0;
}

static void take_cpus(const char *value, unsigned *cpus)
{
	unsigned long product = 1;

	/* "maxcpus=8,sockets=2,cores=4": at most the product of all of them, or the largest one. */
	for (const char *p = value; *p; p += strcspn(p, ",=") + 1) {
		char *end;
		unsigned long n = strtoul(p, &end, 10);
		if (end != p && n > 0 && n < MAX_CPUS)
			product = product * n < MAX_CPUS ? product * n : MAX_CPUS;
		if (!p[strcspn(p, ",=")])
			break;
	}
	if (product > *cpus)
		*cpus = (unsigned)product;
}

/* Up to one of the characters in end; a comma that is doubled is one of the path. */
static void add_socket(struct qemu_needs *needs, const char *text, const char *end)
{
	cleanup_free char *path = xstrdup(text);
	char *to = path;

	for (; *text; text++) {
		bool is_comma = text[0] == ',' && text[1] == ',';
		if (!is_comma && strchr(end, *text))
			break;
		text += is_comma;
		*to++ = *text;
	}
	*to = '\0';
	if (path[0] != '/')
		return;
	ARRAY_GROW(needs->sockets, needs->n_sockets);
	needs->sockets[needs->n_sockets++] = steal_pointer(&path);
}

/* "GROUP.ID.KEY=VALUE" of -set: a key of the option that GROUP is. */
static bool set_needs_network(const char *value)
{
	cleanup_free char *group = xstrndup(value, strcspn(value, "."));
	const char *id = value + strlen(group);
	const char *key = *id ? strchr(id + 1, '.') : NULL;
	cleanup_free char *as_option = xasprintf(",%s", key ? key + 1 : "");

	return strcmp(group, "set") != 0 && needs_network(group, as_option);
}

/* Of NBD, in each of the ways in which its server can be named. */
static void take_sockets(struct qemu_needs *needs, const char *value)
{
	static const struct {
		const char *start, *end;
	} forms[] = {
		{"server.path=", ","},
		{"nbd:unix:", ",:"},
		{"?socket=", ",&\""},
		{"\"server.path\":\"", "\""},
	};
	const char *server = strstr(value, "\"server\"");
	const char *path = server ? strstr(server, "\"path\"") : NULL;

	for (size_t i = 0; i < N_ELEMENTS(forms); i++)
		for (const char *p = value; (p = strstr(p, forms[i].start)) != NULL;) {
			p += strlen(forms[i].start);
			add_socket(needs, p, forms[i].end);
		}
	if (path && (path = strchr(path, '/')) != NULL)
		add_socket(needs, path, "\"");
}

/* Interfaces of the kernel that few command lines use. */
static void take_rare(struct qemu_needs *needs, const char *option, const char *value)
{
	static const char *const audio[] = {"audio", "audiodev", "soundhw", NULL};
	static const char *const displays[] = {"vnc", "spice", NULL};
	static const char *const shared[] = {"alsa", "jack", "sdl", NULL};
	static const char *const buses[] = {"usb", "hci", NULL};
	bool is_any_option = strcmp(option, "readconfig") == 0;

	needs->vsock |= is_any_option || strstr(value, "vsock:") || strstr(value, "=vsock");
	needs->can |= is_any_option || strstr(value, "can-host-socketcan");
	needs->xdp |= is_any_option || strstr(value, "af-xdp");
	needs->mptcp |= is_any_option || strstr(value, "mptcp");
	needs->abstract |= is_any_option || is_abstract(value);
	needs->usb |= is_any_option || strcmp(option, "usb") == 0 || has_any(value, buses);
	needs->keyring |= is_any_option || strstr(value, "secret_keyring");
	needs->host_name |= is_any_option || (is_any(option, displays) && strstr(value, "sasl"));
	needs->ipc |= is_any_option || (is_any(option, audio) && has_any(value, shared));
	if (strcmp(option, "sandbox") == 0)
		needs->spawns = !strstr(value, "spawn=deny");
}

static void take(struct qemu_needs *needs, const char *option, const char *value)
{
	static const char *const terminals[] = {
		"chardev", "serial", "parallel", "monitor", "qmp", "qmp-pretty", "debugcon", NULL};

	/* What is in the file is not looked at here. */
	if (strcmp(option, "readconfig") == 0)
		needs->terminals = needs->io_uring = needs->aio = needs->affinity = needs->inotify =
			needs->memfd = needs->shm = true;
	if (needs_network(option, value) ||
		(strcmp(option, "set") == 0 && set_needs_network(value))) {
		qemu_ports_of(option, value, &needs->listens, &needs->connects);
		if (!needs->network)
			needs->network = xasprintf("-%s needs it", option);
	}
	if (is_any(option, disk_options))
		take_sockets(needs, value);
	needs->terminals |= is_any(option, terminals) && strstr(value, "pty") != NULL;
	needs->io_uring |= strstr(value, "io_uring") != NULL;
	needs->aio |= strstr(value, "native") != NULL;
	needs->incoming |= strcmp(option, "incoming") == 0;
	needs->affinity |= strstr(value, "thread-context") != NULL;
	needs->inotify |= strstr(value, "usb-mtp") || strstr(value, "authz-list-file");
	needs->shm |= strstr(value, "memory-backend-shm") != NULL;
	needs->memfd |= strstr(value, "memfd") || strstr(value, "vhost-user") ||
			strstr(value, "aux-ram-share");
	take_rare(needs, option, value);
	if (strcmp(option, "smp") == 0)
		take_cpus(value, &needs->cpus);
}

void qemu_needs(char *const *command, struct qemu_needs *needs)
{
	bool has_net = false, no_defaults = false;

	*needs = (struct qemu_needs){.cpus = 1};
	for (char *const *word = command + 1; *word; word++) {
		const char *option = *word + (**word == '-') + begins(*word, "--");
		if (**word != '-') {
			take(needs, "hda", *word);
			continue;
		}
		has_net |= is_any(option, net_options);
		no_defaults |= strcmp(option, "nodefaults") == 0;
		bool takes = qemuargs_takes_value(option) && word[1];
		take(needs, option, takes ? word[1] : "");
		word += takes;
	}
	if (!has_net && !no_defaults) {
		needs->connects.any = true;
		if (!needs->network)
			needs->network = xstrdup("QEMU adds a network device of type user where "
						 "neither -nic none nor -nodefaults is given");
	}
}

void qemu_needs_free(struct qemu_needs *needs)
{
	free(needs->network);
	for (size_t i = 0; i < needs->n_sockets; i++)
		free(needs->sockets[i]);
	free(needs->sockets);
	*needs = (struct qemu_needs){0};
}
