/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU's options (qemu-options.hx of 4.0 to 11.1, and those before that people still write):
 * which have a value, and how it is written. The lists that a configuration file fills
 * have the same names, but for a few.
 */
#include "base/array.h"
#include "qemu/parse.h"

#include <stdlib.h>
#include <string.h>

#define SPEC(...) ((struct qemuargs_spec){__VA_ARGS__})
#define FLAG(name) SPEC(name, SYNTAX_FLAG, NULL, NULL, NULL)
#define VALUE(name) SPEC(name, SYNTAX_LITERAL, NULL, NULL, NULL)
#define OPTS(name, implied) SPEC(name, SYNTAX_OPTS, implied, NULL, NULL)
#define FIND(name, syntax, implied, find)                                                          \
	SPEC(name, SYNTAX_##syntax, implied, qemuargs_find_##find, NULL)

/* In the order of strcmp(). */
static const struct qemuargs_spec specs[] = {
	FIND("D", LITERAL, NULL, log),
	FIND("L", LITERAL, NULL, directory),
	{"M", SYNTAX_KEYVAL, "type", qemuargs_find_machine, "machine"},
	FLAG("S"),
	FIND("accel", OPTS, "accel", accel),
	FIND("acpitable", OPTS, "data", acpitable),
	OPTS("action", NULL),
	FIND("add-fd", OPTS, NULL, add_fd),
	FLAG("alt-grab"),
	VALUE("append"),
	FLAG("async-teardown"),
	FIND("audio", JSON_KEYVAL, "driver", audiodev),
	FLAG("audio-help"),
	FIND("audiodev", JSON_KEYVAL, "driver", audiodev),
	VALUE("balloon"),
	FIND("bios", LITERAL, NULL, bios),
	FIND("blockdev", JSON_KEYVAL, "driver", block),
	FIND("boot", OPTS, "order", boot),
	VALUE("bootp"),
	VALUE("bt"),
	FIND("cdrom", LITERAL, NULL, block),
	FIND("chardev", JSON_OPTS, "backend", chardev),
	FIND("chroot", LITERAL, NULL, chroot),
	VALUE("clock"),
	OPTS("compat", NULL),
	VALUE("cpu"),
	FLAG("ctrl-grab"),
	FLAG("curses"),
	VALUE("d"),
	FIND("daemonize", FLAG, NULL, daemonize),
	FIND("debugcon", CHARDEV, NULL, chardev_string),
	FIND("device", JSON_OPTS, "driver", device),
	VALUE("dfilter"),
	FIND("display", JSON_KEYVAL, "type", display),
	FIND("drive", OPTS, NULL, block),
	FIND("dtb", LITERAL, NULL, file),
	FIND("dump-vmstate", LITERAL, NULL, log),
	VALUE("echr"),
	FLAG("enable-fips"),
	FLAG("enable-kvm"),
	FLAG("enable-sync-profile"),
	FIND("fda", LITERAL, NULL, block),
	FIND("fdb", LITERAL, NULL, block),
	FIND("fsdev", OPTS, "fsdriver", fsdev),
	FLAG("full-screen"),
	FIND("fw_cfg", OPTS, "name", fw_cfg),
	VALUE("g"),
	FIND("gdb", CHARDEV, NULL, chardev_string),
	FIND("global", GLOBAL, NULL, global),
	FLAG("h"),
	FIND("hda", LITERAL, NULL, block),
	VALUE("hdachs"),
	FIND("hdb", LITERAL, NULL, block),
	FIND("hdc", LITERAL, NULL, block),
	FIND("hdd", LITERAL, NULL, block),
	FLAG("help"),
	FIND("icount", OPTS, "shift", icount),
	FIND("incoming", INCOMING, NULL, incoming),
	/* With a multiboot kernel it is a list, which only QEMU can tell (hw/i386/multiboot.c). */
	FIND("initrd", LITERAL, NULL, file),
	OPTS("iscsi", NULL),
	FLAG("jitdump"),
	FIND("k", LITERAL, NULL, keyboard),
	FIND("kernel", LITERAL, NULL, file),
	VALUE("kvm-shadow-memory"),
	VALUE("loadvm"),
	FLAG("localtime"),
	OPTS("m", "size"),
	FIND("machine", KEYVAL, "type", machine),
	FIND("mem-path", LITERAL, NULL, mem_path),
	FLAG("mem-prealloc"),
	OPTS("mon", "chardev"),
	FIND("monitor", CHARDEV, NULL, chardev_string),
	OPTS("msg", NULL),
	FIND("mtdblock", LITERAL, NULL, block),
	FIND("name", OPTS, "guest", name),
	FIND("net", OPTS, "type", netdev),
	FIND("netdev", JSON_OPTS, "type", netdev),
	FIND("nic", OPTS, "type", netdev),
	FLAG("no-acpi"),
	FLAG("no-fd-bootchk"),
	FLAG("no-frame"),
	FLAG("no-hpet"),
	FLAG("no-kvm"),
	FLAG("no-kvm-irqchip"),
	FLAG("no-kvm-pit"),
	FLAG("no-kvm-pit-reinjection"),
	FLAG("no-quit"),
	FLAG("no-reboot"),
	FLAG("no-shutdown"),
	FLAG("no-user-config"),
	FLAG("nodefaults"),
	FLAG("nodefconfig"),
	FLAG("nographic"),
	OPTS("numa", "type"),
	VALUE("nvram"),
	FIND("object", JSON_KEYVAL, "qom-type", object),
	FLAG("old-param"),
	FLAG("one-insn-per-tb"),
	FLAG("only-migratable"),
	FIND("option-rom", OPTS, "romfile", option_rom),
	FIND("overcommit", OPTS, NULL, overcommit),
	FIND("parallel", CHARDEV, NULL, chardev_string),
	VALUE("pcidevice"),
	FLAG("perfmap"),
	FIND("pflash", LITERAL, NULL, block),
	FIND("pidfile", LITERAL, NULL, pidfile),
	FIND("plugin", OPTS, "file", plugin),
	FLAG("portrait"),
	FLAG("preconfig"),
	VALUE("prom-env"),
	FIND("qmp", CHARDEV, NULL, chardev_string),
	FIND("qmp-pretty", CHARDEV, NULL, chardev_string),
	FIND("qtest", CHARDEV, NULL, chardev_string),
	FIND("qtest-log", LITERAL, NULL, qtest_log),
	FIND("readconfig", LITERAL, NULL, file),
	FIND("realtime", OPTS, NULL, overcommit),
	VALUE("redir"),
	VALUE("rotate"),
	OPTS("rtc", NULL),
	FLAG("rtc-td-hack"),
	FIND("run-with", OPTS, NULL, run_with),
	FIND("runas", LITERAL, NULL, runas),
	FIND("s", FLAG, NULL, gdb),
	FIND("sandbox", OPTS, "enable", sandbox),
	FIND("sd", LITERAL, NULL, block),
	FLAG("sdl"),
	VALUE("seed"),
	FLAG("semihosting"),
	OPTS("semihosting-config", "enable"),
	FIND("serial", CHARDEV, NULL, chardev_string),
	VALUE("set"),
	FIND("shim", LITERAL, NULL, file),
	FLAG("show-cursor"),
	FLAG("singlestep"),
	VALUE("smb"),
	FIND("smbios", OPTS, NULL, smbios),
	OPTS("smp", "cpus"),
	FIND("snapshot", FLAG, NULL, snapshot),
	VALUE("soundhw"),
	FIND("spice", OPTS, NULL, spice),
	VALUE("startdate"),
	FLAG("std-vga"),
	VALUE("tb-size"),
	FLAG("tdf"),
	VALUE("tftp"),
	FIND("tpmdev", OPTS, "type", tpmdev),
	FIND("trace", OPTS, "enable", trace),
	FLAG("usb"),
	VALUE("usbdevice"),
	VALUE("uuid"),
	FLAG("version"),
	VALUE("vga"),
	FIND("virtfs", OPTS, "fsdriver", fsdev),
	VALUE("virtioconsole"),
	VALUE("vmchannel"),
	FIND("vnc", VNC, "vnc", vnc),
	VALUE("watchdog"),
	VALUE("watchdog-action"),
	FLAG("win2k-hack"),
	FIND("writeconfig", LITERAL, NULL, log),
	FLAG("xen-attach"),
	FLAG("xen-create"),
	VALUE("xen-domid"),
	FLAG("xen-domid-restrict"),
};

static int compare(const void *name, const void *spec)
{
	return strcmp(name, ((const struct qemuargs_spec *)spec)->name);
}

const struct qemuargs_spec *qemuargs_spec(const char *name)
{
	return bsearch(name, specs, N_ELEMENTS(specs), sizeof(specs[0]), compare);
}

bool qemuargs_takes_value(const char *name)
{
	const struct qemuargs_spec *spec = qemuargs_spec(name);

	return spec && spec->syntax != SYNTAX_FLAG;
}

const struct qemuargs_spec *qemuargs_group_spec(const char *group)
{
	static const struct {
		const char *group, *option;
	} others[] = {
		{"acpi", "acpitable"}, {"boot-opts", "boot"}, {"memory", "m"}, {"smp-opts", "smp"}};

	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		if (strcmp(others[i].group, group) == 0)
			return qemuargs_spec(others[i].option);
	const struct qemuargs_spec *spec = qemuargs_spec(group);
	/* What is one string fills no list. */
	bool is_list = spec && spec->syntax != SYNTAX_FLAG && spec->syntax != SYNTAX_LITERAL &&
		       spec->syntax != SYNTAX_CHARDEV && spec->syntax != SYNTAX_INCOMING;
	return is_list ? spec : NULL;
}
