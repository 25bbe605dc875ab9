/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that name one thing, or change how QEMU is to be started (system/vl.c). */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/parse.h"

#include <stdlib.h>
#include <string.h>

/* The one string of a LITERAL. */
static const char *text_of(const struct qemuargs_parser *p, size_t option)
{
	return qemuargs_key(p, option, "");
}

/*
 * Files that QEMU reads
 */

void qemuargs_find_file(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add(p, RESOURCE_FILE, ACCESS_RO, option, NULL, text_of(p, option),
		strcmp(p->args->options[option].name, "readconfig") == 0 ? "configuration file"
									 : "loaded into the guest");
}

void qemuargs_find_bios(struct qemuargs_parser *p, size_t option)
{
	const char *text = text_of(p, option);

	if (text && *text)
		qemuargs_add_searched(p, option, NULL, text, "firmware");
}

/* fw_cfg_bootsplash() of hw/nvram/fw_cfg.c */
void qemuargs_find_boot(struct qemuargs_parser *p, size_t option)
{
	const char *splash = qemuargs_key(p, option, "splash");

	if (splash)
		qemuargs_add_searched(p, option, "splash", splash, "boot splash");
}

/* A layout has a name, or is a file (ui/keymaps.c). */
void qemuargs_find_keyboard(struct qemuargs_parser *p, size_t option)
{
	const char *layout = text_of(p, option);

	if (layout && strchr(layout, '/'))
		qemuargs_add(p, RESOURCE_FILE, ACCESS_RO, option, NULL, layout, "keyboard layout");
}

void qemuargs_find_option_rom(struct qemuargs_parser *p, size_t option)
{
	const char *text = qemuargs_key(p, option, "romfile");

	if (text && *text)
		qemuargs_add_searched(p, option, "romfile", text, "option ROM");
}

/* file= and data= are lists, separated by ":" (hw/acpi/core.c). */
void qemuargs_find_acpitable(struct qemuargs_parser *p, size_t option)
{
	static const char *const keys[] = {"file", "data"};

	for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
		const char *list = qemuargs_key(p, option, keys[i]);
		if (list && strchr(list, ':'))
			qemuargs_warn(p, option, keys[i], list,
				"the QEMU user needs read access to each of these files");
		else
			qemuargs_add_key(
				p, RESOURCE_FILE, ACCESS_RO, option, keys[i], "ACPI table");
	}
}

/* Each path= of type 11 is read (save_opt_list() of hw/smbios/smbios.c), not the last alone. */
static bool is_repeated(const struct qemuargs_value *v, const char *key)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n_items; i++)
		n += strcmp(v->items[i].key, key) == 0;
	return n > 1;
}

void qemuargs_find_smbios(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "file", "SMBIOS table");
	if (is_repeated(qemuargs_value(p, option), "path"))
		qemuargs_warn(p, option, "path", qemuargs_key(p, option, "path"),
			"the QEMU user needs read access to each path=; use a separate -smbios for "
			"each");
	else
		qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "path", "SMBIOS string");
}

void qemuargs_find_fw_cfg(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "file", "exported to the guest");
}

void qemuargs_find_plugin(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "file", "TCG plugin");
}

void qemuargs_find_directory(struct qemuargs_parser *p, size_t option)
{
	const char *text = text_of(p, option);

	if (text && strcmp(text, "help") != 0)
		qemuargs_add(
			p, RESOURCE_DIRECTORY, ACCESS_RO, option, NULL, text, "QEMU's data files");
}

void qemuargs_find_mem_path(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add(
		p, RESOURCE_MEMORY, ACCESS_RW, option, NULL, text_of(p, option), "guest memory");
}

/*
 * Files that QEMU writes
 */

void qemuargs_add_log(struct qemuargs_parser *p, size_t option, const char *key)
{
	const char *path = qemuargs_key(p, option, key);

	/* qtest_server_start() of system/qtest.c writes none then. */
	if (!qemuargs_is(path, "none"))
		qemuargs_add(p, RESOURCE_LOG, ACCESS_CREATE, option, key, path, "written by QEMU");
}

void qemuargs_find_qtest_log(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_log(p, option, "");
}

void qemuargs_find_log(struct qemuargs_parser *p, size_t option)
{
	const char *text = text_of(p, option);

	if (!text || strcmp(text, "-") == 0)
		return;
	/* qemu_set_log_internal() of util/log.c puts the process id there. */
	if (strcmp(p->args->options[option].name, "D") == 0 && strchr(text, '%')) {
		qemuargs_warn(
			p, option, NULL, text, "the QEMU user needs write access to its directory");
		qemuargs_if_denied_beside(p, text);
	} else {
		qemuargs_add(p, RESOURCE_LOG, ACCESS_CREATE, option, NULL, text, "written by QEMU");
	}
}

void qemuargs_find_trace(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, "events", "events to trace");
	qemuargs_add_key(p, RESOURCE_LOG, ACCESS_CREATE, option, "file", "written by QEMU");
}

void qemuargs_find_icount(struct qemuargs_parser *p, size_t option)
{
	bool records = qemuargs_is(qemuargs_key(p, option, "rr"), "record");

	qemuargs_add_key(p, records ? RESOURCE_LOG : RESOURCE_FILE,
		records ? ACCESS_CREATE : ACCESS_RO, option, "rrfile", "record/replay log");
}

void qemuargs_find_pidfile(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add(
		p, RESOURCE_PIDFILE, ACCESS_CREATE, option, NULL, text_of(p, option), "PID file");
}

/*
 * Displays and sound
 */

/* HOST:DISPLAY; display 0 is port 5900 (vnc_display_get_address() of ui/vnc.c). */
static void check_display(struct qemuargs_parser *p, size_t option, const char *address)
{
	const char *websocket = qemuargs_key(p, option, "websocket");
	const char *colon = address ? strrchr(address, ':') : NULL;
	long display = colon ? strtol(colon + 1, NULL, 10) : 0;

	/* A negative one is how people get at a lower port. */
	if (display < 1024 - 5900 && display > -5900) {
		qemuargs_refuse_port(p, option, "vnc", address, (unsigned)(5900 + display));
	} else if (colon && display >= 0 && display <= 65535 - 5900) {
		cleanup_free char *host = NULL;
		qemuargs_split_address(address, &host);
		cleanup_free char *port = xasprintf("%ld", 5900 + display);
		qemuargs_listen(p, option, "vnc", host, port);
	}
	qemuargs_check_port(p, option, "websocket", websocket);
}

void qemuargs_find_vnc(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *address = qemuargs_key(p, option, "vnc");

	bool reverse = qemuopts_bool(v, "reverse", false);
	size_t added = QEMUARGS_NONE;

	if (*v->prefix)
		added = qemuargs_add_key(p, reverse ? RESOURCE_CONNECT : RESOURCE_LISTEN, ACCESS_RW,
			option, "vnc", reverse ? "socket of a VNC viewer" : "listening socket");
	else if (address && qemuargs_behind(address, "unix:"))
		qemuargs_warn(p, option, "vnc", address,
			"bound by QEMU as the QEMU user: use -vnc on the command line instead");
	else if (address && !reverse)
		check_display(p, option, address);
	/* There is no key for a descriptor. */
	if (added != QEMUARGS_NONE)
		qemuargs_resource(p, added)->reconnects = reverse;
}

/* Without a name it is the first that opens (qemu_drm_rendernode_open() of ui/egl-helpers.c). */
static void find_rendernode(struct qemuargs_parser *p, size_t option, bool is_needed)
{
	size_t added = qemuargs_add_key(
		p, RESOURCE_DEVICE, ACCESS_RW, option, "rendernode", "DRM render node");

	if (added == QEMUARGS_NONE && is_needed)
		qemuargs_warn(p, option, NULL, NULL,
			"the QEMU user needs access to a render node in /dev/dri: set rendernode=");
}

void qemuargs_find_spice(struct qemuargs_parser *p, size_t option)
{
	static const char *const ports[] = {"port", "tls-port"};
	static const char *const files[] = {
		"x509-key-file", "x509-cert-file", "x509-cacert-file", "x509-dh-key-file"};

	if (qemuopts_bool(qemuargs_value(p, option), "unix", false))
		qemuargs_add_key(p, RESOURCE_LISTEN, ACCESS_RW, option, "addr", "listening socket");
	for (size_t i = 0; i < N_ELEMENTS(ports); i++)
		qemuargs_listen(p, option, ports[i], qemuargs_key(p, option, "addr"),
			qemuargs_key(p, option, ports[i]));
	qemuargs_add_key(p, RESOURCE_DIRECTORY, ACCESS_RO, option, "x509-dir", "TLS credentials");
	for (size_t i = 0; i < N_ELEMENTS(files); i++)
		qemuargs_add_key(p, RESOURCE_FILE, ACCESS_RO, option, files[i], "TLS credentials");
	find_rendernode(p, option, qemuopts_bool(qemuargs_value(p, option), "gl", false));
}

void qemuargs_warn_bus(struct qemuargs_parser *p, size_t option, const char *key)
{
	const char *address = qemuargs_key(p, option, key);

	if (address)
		qemuargs_warn(p, option, key, address,
			"the QEMU user must be allowed to connect to this D-Bus bus");
}

void qemuargs_find_display(struct qemuargs_parser *p, size_t option)
{
	const char *type = qemuargs_key(p, option, "type");

	find_rendernode(p, option, qemuargs_is(type, "egl-headless"));
	if (qemuargs_is(type, "gtk") || qemuargs_is(type, "sdl") || qemuargs_is(type, "spice-app"))
		qemuargs_warn(p, option, NULL, NULL,
			"the QEMU user cannot open windows in root's session: use -vnc unix:PATH "
			"or -spice instead");
	else if (qemuargs_is(type, "dbus") && qemuargs_key(p, option, "addr"))
		qemuargs_warn_bus(p, option, "addr");
	else if (qemuargs_is(type, "dbus") &&
		 !qemuopts_bool(qemuargs_value(p, option), "p2p", false))
		qemuargs_warn(p, option, NULL, NULL,
			"the QEMU user cannot use the D-Bus session bus of root: set addr= to "
			"another bus, or p2p=on");
}

void qemuargs_find_audiodev(struct qemuargs_parser *p, size_t option)
{
	static const char *const sessions[] = {"pa", "pipewire", "jack", "sdl", "sndio"};
	const char *driver = qemuargs_key(p, option, "driver");

	if (qemuargs_is(driver, "wav"))
		qemuargs_add_key(p, RESOURCE_LOG, ACCESS_CREATE, option, "path", "written by QEMU");
	for (size_t i = 0; driver && i < N_ELEMENTS(sessions); i++)
		if (strcmp(driver, sessions[i]) == 0)
			qemuargs_warn(p, option, NULL, NULL,
				"the QEMU user cannot use the sound server of root's session: use "
				"-audiodev spice or none");
	if (qemuargs_is(driver, "alsa") || qemuargs_is(driver, "oss"))
		qemuargs_warn(p, option, NULL, NULL,
			"the QEMU user needs access to the sound devices in /dev: add it to their "
			"group, or use -audiodev spice or none");
}

/*
 * Shares and TPM
 */

void qemuargs_find_fsdev(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *driver = qemuargs_key(p, option, "fsdriver");
	const char *model = qemuargs_key(p, option, "security_model");
	const char *path = qemuargs_key(p, option, "path");

	if (!model)
		model = qemuargs_key(p, option, "security-model");
	if (qemuargs_is(driver, "proxy")) {
		size_t added = qemuargs_add_key(
			p, RESOURCE_CONNECT, ACCESS_RW, option, "socket", "a share's server");
		if (added != QEMUARGS_NONE)
			qemuargs_resource(p, added)->reconnects = true;
		qemuargs_add_fd(p, option, "sock_fd", qemuargs_key(p, option, "sock_fd"));
	}
	if (!qemuargs_is(driver, "local"))
		return;
	if (qemuargs_is(model, "passthrough"))
		qemuargs_refuse(p, option, "path", path,
			"9p with security_model=passthrough needs CAP_CHOWN, which QEMU will not "
			"have: use security_model=mapped-xattr on a directory owned by the QEMU "
			"user, or virtiofsd");
	else
		qemuargs_add(p, RESOURCE_DIRECTORY,
			qemuopts_bool(v, "readonly", false) ? ACCESS_RO : ACCESS_RW, option, "path",
			path, "shared with the guest");
}

void qemuargs_find_tpmdev(struct qemuargs_parser *p, size_t option)
{
	const char *path = qemuargs_key(p, option, "path");

	if (!qemuargs_is(qemuargs_key(p, option, "type"), "passthrough"))
		return;
	qemuargs_add(p, RESOURCE_DEVICE, ACCESS_RW, option, path ? "path" : NULL,
		path ? path : "/dev/tpm0", "assigned to the guest");
	qemuargs_add_key(p, RESOURCE_DEVICE, ACCESS_RW, option, "cancel-path", "TPM cancel file");
}

/*
 * How QEMU is started
 */

void qemuargs_find_add_fd(struct qemuargs_parser *p, size_t option)
{
	qemuargs_add_fd(p, option, "fd", qemuargs_key(p, option, "fd"));
}

static void refuse_chroot(struct qemuargs_parser *p, size_t option, const char *path)
{
	qemuargs_refuse(p, option, NULL, path,
		"chroot(2) needs CAP_SYS_CHROOT, which QEMU will not have: remove it, and use "
		"-sandbox or RootDirectory= of a systemd unit instead");
}

void qemuargs_find_chroot(struct qemuargs_parser *p, size_t option)
{
	refuse_chroot(p, option, text_of(p, option));
}

static void run_as(struct qemuargs_parser *p, const char *user)
{
	free(p->args->run_as);
	p->args->run_as = xstrdup(user);
}

void qemuargs_find_runas(struct qemuargs_parser *p, size_t option)
{
	run_as(p, text_of(p, option));
}

void qemuargs_find_run_with(struct qemuargs_parser *p, size_t option)
{
	if (qemuargs_key(p, option, "user"))
		run_as(p, qemuargs_key(p, option, "user"));
	if (qemuargs_key(p, option, "chroot"))
		refuse_chroot(p, option, qemuargs_key(p, option, "chroot"));
	p->args->exits_with_parent |=
		qemuopts_bool(qemuargs_value(p, option), "exit-with-parent", false);
}

void qemuargs_find_sandbox(struct qemuargs_parser *p, size_t option)
{
	(void)option;
	p->args->sandbox = true;
}

void qemuargs_find_daemonize(struct qemuargs_parser *p, size_t option)
{
	(void)option;
	p->args->daemonize = true;
}

void qemuargs_find_snapshot(struct qemuargs_parser *p, size_t option)
{
	(void)option;
	p->args->snapshot = true;
}

void qemuargs_find_name(struct qemuargs_parser *p, size_t option)
{
	const char *guest = qemuargs_key(p, option, "guest");

	if (!guest)
		return;
	free(p->args->guest_name);
	p->args->guest_name = xstrdup(guest);
}

void qemuargs_find_overcommit(struct qemuargs_parser *p, size_t option)
{
	const struct qemuargs_value *v = qemuargs_value(p, option);
	const char *lock = qemuargs_key(p, option, "mem-lock");

	/* "on-fault" of newer QEMU locks, too. */
	p->args->locks_memory |= qemuopts_bool(v, "mlock", false) ||
				 (lock && strcmp(lock, "off") != 0 && strcmp(lock, "no") != 0);
}
