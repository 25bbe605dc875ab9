/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qemu/uses.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

#define NO_WINDOW "windows need a user's session; use -vnc unix:PATH or -spice"
#define NO_SOUND "sound servers need a user's session; use -audiodev spice or none"
#define NO_NODE "a render node must be named; set rendernode=/dev/dri/NODE"

/*
 * An option that has key=value, and none of a key that would name what it needs. value NULL: any;
 * "*": any but "off", which stands for what is not there.
 */
struct rule {
	const char *option, *key, *value;
	const char *unless; /* another key of the option; NULL: none */
	const char *path;
	bool writable;
	const char *instead;
};

static const struct rule rules[] = {
	{"display", "type", "gtk", NULL, NULL, false, NO_WINDOW},
	{"display", "type", "sdl", NULL, NULL, false, NO_WINDOW},
	{"display", "type", "spice-app", NULL, NULL, false, NO_WINDOW},
	{"display", "type", "egl-headless", "rendernode", NULL, false, NO_NODE},
	{"spice", "gl", "*", "rendernode", NULL, false, NO_NODE},
	{"audiodev", "driver", "pa", "server", NULL, false, NO_SOUND},
	{"audiodev", "driver", "pipewire", NULL, NULL, false, NO_SOUND},
	{"audiodev", "driver", "jack", NULL, NULL, false, NO_SOUND},
	{"audiodev", "driver", "sdl", NULL, NULL, false, NO_SOUND},
	{"audiodev", "driver", "sndio", NULL, NULL, false, NO_SOUND},
	{"audiodev", "driver", "alsa", NULL, "/dev/snd", true, "use -audiodev spice or none"},
	{"audiodev", "driver", "oss", NULL, "/dev/dsp", true, "use -audiodev spice or none"},
	{"vnc", "sasl", "*", NULL, "/etc/sasl2", false, NULL},
	{"spice", "sasl", "*", NULL, "/etc/sasl2", false, NULL},
	{"object", "qom-type", "authz-pam", NULL, "/etc/pam.d", false, "use authz-list"},
	{"object", "qom-type", "cryptodev-backend-lkcf", NULL, NULL, false,
		"it needs keyctl(2), which is refused; use cryptodev-backend-builtin"},
	{"device", "driver", "u2f-passthru", "hidraw", NULL, false,
		"a device must be named; set hidraw=/dev/hidrawN"},
	{"device", "driver", "ccid-card-emulated", "cert1", "/run/pcscd", true,
		"use backend=certificates"},
	{"device", "driver", "pvrdma", NULL, NULL, false,
		"RDMA needs devices and services of the host; use virtio-net-pci"},
	{"chardev", "backend", "braille", NULL, "/var/lib/BrlAPI", true, NULL},
	{"netdev", "type", "vde", "sock", "/run/vde.ctl", true, NULL},
	{"nic", "type", "vde", "sock", "/run/vde.ctl", true, NULL},
};

/* Keys whose values are such paths themselves, or addresses that have one. */
struct named {
	const char *option, *key, *value; /* as of a rule */
	const char *name;		  /* the key that names it */
	bool writable;
	const char *instead;
};

static const struct named names[] = {
	{"display", "type", "dbus", "addr", true, "use p2p=on"},
	{"object", "qom-type", "dbus-vmstate", "addr", true, NULL},
	{"audiodev", "driver", "pa", "server", true, "use -audiodev spice or none"},
	{"netdev", "type", "vde", "sock", true, NULL},
	{"nic", "type", "vde", "sock", true, NULL},
	{"netdev", "type", "user", "smb", true, NULL},
	{"nic", "type", "user", "smb", true, NULL},
	{"device", "driver", "virtio-gpu-rutabaga-pci", "wayland-socket-path", true, NULL},
	{"acpitable", NULL, NULL, "file", false, NULL},
	{"acpitable", NULL, NULL, "data", false, NULL},
};

struct uses {
	struct qemu_use *all;
	size_t n;
};

static void add(struct uses *uses, size_t option, char *path, bool writable, const char *instead)
{
	ARRAY_GROW(uses->all, uses->n);
	uses->all[uses->n++] = (struct qemu_use){option, path, writable, instead};
}

static bool is(const char *value, const char *expected)
{
	return value && strcmp(value, expected) == 0;
}

static bool is_off(const char *value)
{
	return !value || is(value, "off") || is(value, "no") || is(value, "false");
}

/* Whether the option has key=value, as of a rule; key NULL: whatever it has. */
static bool has(const struct qemuargs *args, size_t option, const char *key, const char *value)
{
	const char *found = key ? qemuargs_get(args, option, key) : NULL;

	return !key || (is(value, "*") ? !is_off(found) : is(found, value));
}

/* New. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* "unix:path=/run/bus,guid=...", "unix:/run/pulse/native", or the path. NULL: it has none. */
static char *path_of(const char *address)
{
	static const char *const before[] = {"unix:path=", "unix:"};

	for (size_t i = 0; i < N_ELEMENTS(before); i++) {
		size_t n = strlen(before[i]);
		if (strncmp(address, before[i], n) == 0 && address[n] == '/')
			return xstrndup(address + n, strcspn(address + n, ",;"));
	}
	return *address == '/' ? xstrdup(address) : NULL;
}

/* One path, or several with ":" between them, as those of -acpitable. */
static void add_named(
	struct uses *uses, const struct qemuargs *args, size_t option, const struct named *named)
{
	const char *value = qemuargs_get(args, option, named->name);
	bool is_list = strcmp(named->option, "acpitable") == 0;

	/* One file is a resource. */
	if (!value || (is_list && !strchr(value, ':')))
		return;
	while (*value) {
		size_t n = is_list ? strcspn(value, ":") : strlen(value);
		cleanup_free char *part = xstrndup(value, n);
		char *path = path_of(part);
		if (path)
			add(uses, option, path, named->writable, named->instead);
		value += n + (value[n] == ':');
	}
}

/* Disks by a library that looks for the keys of an account's, or for a cluster. */
static void add_block(struct uses *uses, const struct qemuargs *args, size_t option)
{
	static const char *const keys[] = {"driver", "file.driver", "file", "file.filename", NULL};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		const char *value = qemuargs_get(args, option, keys[i]);
		if (!value)
			continue;
		if (is(value, "ssh") || strncmp(value, "ssh:", strlen("ssh:")) == 0)
			add(uses, option, NULL, false,
				"ssh needs an account with keys; export the disk by nbdkit ssh");
		else if ((is(value, "rbd") && !qemuargs_get(args, option, "conf") &&
				 !qemuargs_get(args, option, "file.conf")) ||
			 (strncmp(value, "rbd:", strlen("rbd:")) == 0 && !strstr(value, ":conf=")))
			add(uses, option, xstrdup("/etc/ceph"), false, "set conf=");
	}
}

/* What no key of a table says. */
static void add_others(struct uses *uses, const struct qemuargs *args, size_t option)
{
	const char *name = args->options[option].name;
	const char *text = qemuargs_get(args, option, NULL);
	const char *address = qemuargs_get(args, option, "addr");

	if (is(name, "sdl"))
		add(uses, option, NULL, false, NO_WINDOW);
	else if (is(name, "display") && has(args, option, "type", "dbus") && !address &&
		 !has(args, option, "p2p", "*"))
		add(uses, option, NULL, false, "a bus must be named; set addr=, or p2p=on");
	else if (is(name, "incoming") && text && strncmp(text, "rdma:", strlen("rdma:")) == 0)
		add(uses, option, NULL, false,
			"RDMA needs devices and services of the host; use tcp:");
	else if (is(name, "drive") || is(name, "blockdev") || is(name, "cdrom") ||
		 strncmp(name, "hd", 2) == 0)
		add_block(uses, args, option);
	/* A name that QEMU makes of its process id, in that directory. */
	else if (is(name, "D") && text && strchr(text, '%'))
		add(uses, option, directory_of(text), true, NULL);
}

/* What the reader of the command line has found, and made no resource of. */
static void add_notice(
	struct uses *uses, const struct qemuargs *args, const struct qemuargs_notice *notice)
{
	const char *name = args->options[notice->option].name;
	const char *text = notice->path;

	if (is(name, "smbios") && is(notice->key, "path")) {
		add(uses, notice->option, NULL, false, "use a separate -smbios for each path=");
	} else if (text && strncmp(text, "unix:/", strlen("unix:/")) == 0 &&
		   (is(name, "netdev") || is(name, "nic") || is(name, "vnc"))) {
		/* A forwarded one ends with "-[ADDRESS]:PORT". */
		const char *begin = text + strlen("unix:");
		const char *last = is(name, "vnc") ? strchr(begin, ',') : strrchr(begin, '-');
		cleanup_free char *path =
			xstrndup(begin, last ? (size_t)(last - begin) : strlen(begin));
		add(uses, notice->option, directory_of(path), true, NULL);
	}
}

static void add_option(struct uses *uses, const struct qemuargs *args, size_t option)
{
	const char *name = args->options[option].name;

	for (size_t i = 0; i < N_ELEMENTS(rules); i++) {
		const struct rule *r = &rules[i];
		if (is(name, r->option) && has(args, option, r->key, r->value) &&
			!(r->unless && qemuargs_get(args, option, r->unless)))
			add(uses, option, r->path ? xstrdup(r->path) : NULL, r->writable,
				r->instead);
	}
	for (size_t i = 0; i < N_ELEMENTS(names); i++)
		if (is(name, names[i].option) && has(args, option, names[i].key, names[i].value))
			add_named(uses, args, option, &names[i]);
	add_others(uses, args, option);
}

struct qemu_use *qemu_uses(const struct qemuargs *args, size_t *n)
{
	struct uses uses = {0};

	for (size_t option = 0; option < args->n_options; option++)
		if (!args->options[option].removed)
			add_option(&uses, args, option);
	for (size_t i = 0; i < args->n_notices; i++)
		if (!args->notices[i].is_refusal)
			add_notice(&uses, args, &args->notices[i]);
	*n = uses.n;
	return uses.all;
}

void qemu_uses_free(struct qemu_use *uses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(uses[i].path);
	free(uses);
}
