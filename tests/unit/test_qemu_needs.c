/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What command lines need of the kernel. */
#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "qemu/needs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* A command line behind "qemu -nodefaults", and the option that needs the network; NULL: none. */
static const struct {
	const char *words;
	const char *network;
} networks[] = {
	{"", NULL},
	{"-nic none", NULL},
	{"-nic user", "nic"},
	{"-netdev user,id=n", "netdev"},
	{"--netdev user,id=n", "netdev"},
	{"-net user", "net"},
	{"-netdev tap,id=n,fd=5", NULL},
	{"-netdev tap,id=n,fds=5:6,vhostfds=7:8", NULL},
	{"-netdev socket,id=n,listen=:1234", "netdev"},
	{"-netdev socket,id=n,fd=7", NULL},
	{"-netdev vde,id=n,sock=/run/switch", NULL},
	{"-netdev vde,id=n,sock=vxvde://239.1.2.3", "netdev"},
	{"-netdev stream,id=n,addr.type=fd,addr.str=9", NULL},
	{"-netdev stream,id=n,addr.type=inet,addr.host=h,addr.port=1", "netdev"},
	{"-netdev {\"type\":\"user\",\"id\":\"n\"}", "netdev"},
	{"-device virtio-net-pci,netdev=n,host_mtu=1500", NULL},
	{"-device pcie-root-port,port=8,chassis=1", NULL},
	{"-device usb-host,hostbus=1,hostport=2", NULL},
	{"-append root=/dev/vda,host=h,port=1,nbd:x", NULL},
	{"-name user", NULL},
	{"-vnc none", NULL},
	{"-vnc unix:/run/sockets/1/socket", NULL},
	{"-vnc unix:/run/x,websocket=5700", "vnc"},
	{"-vnc :1", "vnc"},
	{"-vnc 127.0.0.1:1,password=on", "vnc"},
	{"-display vnc=:1", "display"},
	{"-display vnc=unix:/run/x", NULL},
	{"-display gtk,gl=on", NULL},
	{"-spice unix=on,addr=/run/x", NULL},
	{"-spice port=5900,addr=127.0.0.1", "spice"},
	{"-spice tls-port=5901", "spice"},
	{"-qmp unix:fd=64,server=on", NULL},
	{"-qmp tcp:127.0.0.1:4444,server=on", "qmp"},
	{"-monitor telnet::4445,server=on", "monitor"},
	{"-serial udp:h:1", "serial"},
	{"-serial pty", NULL},
	{"-chardev socket,id=c,fd=3,server=on", NULL},
	{"-chardev socket,id=c,host=h,port=1", "chardev"},
	{"-chardev {\"id\":\"c\",\"backend\":{\"type\":\"socket\",\"data\":{\"addr\":{\"type\":"
	 "\"inet\"}}}}",
		"chardev"},
	{"-chardev socket,id=c,fd=3,abstract=off", NULL},
	{"-netdev stream,id=n,addr.type=unix,addr.path=x,addr.abstract=on", "netdev"},
	{"-object input-barrier,id=b,name=n", "object"},
	{"-object rng-egd,id=r,chardev=c", NULL},
	{"-set chardev.c.port=1", "set"},
	{"-set drive.d.file=nbd:h:1", "set"},
	{"-set device.d.port=1", NULL},
	{"-set drive.d.file=/srv/a", NULL},
	{"-set", NULL},
	{"-incoming defer", NULL},
	{"-incoming fd:5", NULL},
	{"-incoming tcp:0:4444", "incoming"},
	{"-gdb tcp::1234", "gdb"},
	{"-s", "s"},
	{"-chardev socket,id=c,path=x,abstract=on", "chardev"},
	{"-object can-host-socketcan,id=c,if=can0,canbus=b", "object"},
	{"-S", NULL},
	{"-drive file=/srv/a.qcow2,format=qcow2", NULL},
	{"-drive file=nbd:h:1", "drive"},
	{"-drive file.driver=nbd,file.host=h", "drive"},
	{"-drive file=https://h/a.iso,media=cdrom", "drive"},
	{"-blockdev {\"driver\":\"nbd\",\"node-name\":\"n\",\"server\":{\"type\":\"unix\"}}",
		"blockdev"},
	{"-cdrom iscsi://h/t/1", "cdrom"},
	{"nbd:h:1", "hda"},
	{"/srv/a.img", NULL},
	{"-audiodev pa,id=a,server=h", "audiodev"},
	{"-readconfig /dev/fd/9", "readconfig"},
};

/* Splits text in place; the words end with NULL. */
static void split(char *text, char **words, size_t max)
{
	size_t n = 0;

	for (char *word = strtok(text, " "); word && n + 1 < max; word = strtok(NULL, " "))
		words[n++] = word;
	words[n] = NULL;
}

static void take(const char *text, struct qemu_needs *needs)
{
	cleanup_free char *copy = xasprintf("qemu-system-x86_64 %s", text);
	char *words[16];

	split(copy, words, N_ELEMENTS(words));
	qemu_needs(words, needs);
}

static void networks_are_needed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(networks); i++) {
		cleanup_free char *text = xasprintf("-nodefaults %s", networks[i].words);
		cleanup_free char *expected =
			networks[i].network ? xasprintf("-%s needs it", networks[i].network) : NULL;
		struct qemu_needs needs;
		take(text, &needs);
		if ((needs.network != NULL) != (expected != NULL) ||
			(expected && strcmp(needs.network, expected) != 0))
			fail_msg("%s: %s", networks[i].words,
				needs.network ? needs.network : "no network");
		qemu_needs_free(&needs);
	}
}

/* Without -nodefaults, QEMU makes a network device. */
static void default_network(void **state)
{
	static const struct {
		const char *words;
		bool needed;
	} cases[] = {{"", true}, {"-m 64", true}, {"-nic none", false}, {"-nodefaults", false},
		{"-netdev tap,id=n,fd=5", false}, {"-net none", false}, {"-name nic", true}};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct qemu_needs needs;
		take(cases[i].words, &needs);
		assert_int_equal(needs.network != NULL, cases[i].needed);
		qemu_needs_free(&needs);
	}
}

static void other_needs(void **state)
{
	enum {
		TERMINALS = 1,
		IO_URING = 2,
		INCOMING = 4,
		VSOCK = 8,
		AFFINITY = 16,
		INOTIFY = 32,
		MEMFD = 64,
		SHM = 128,
		CAN = 256,
		XDP = 512,
		MPTCP = 1024,
		ABSTRACT = 2048,
		USB = 4096,
		KEYRING = 8192,
		HOST_NAME = 16384,
		IPC = 32768,
		AIO = 65536,
		SPAWNS = 131072,
		IN_A_FILE = (SPAWNS - 1) & ~INCOMING
	};
	/* cpus 0: one. */
	static const struct {
		const char *words;
		unsigned needs, cpus;
	} cases[] = {
		{"-m 64", 0, 0},
		{"-serial pty", TERMINALS, 0},
		{"-chardev pty,id=c", TERMINALS, 0},
		{"-name empty", 0, 0},
		{"-drive file=a,aio=io_uring", IO_URING, 0},
		{"-drive file=a,aio=native", AIO, 0},
		{"-incoming defer", INCOMING, 0},
		{"-incoming vsock:1:2", INCOMING | VSOCK, 0},
		{"-device vhost-vsock-pci,guest-cid=3,vhostfd=9", 0, 0},
		{"-object thread-context,id=t,cpu-affinity=0-1", AFFINITY, 0},
		{"-device usb-mtp,rootdir=/srv", INOTIFY | USB, 0},
		{"-device qemu-xhci", USB, 0},
		{"-usb", USB, 0},
		{"-object memory-backend-memfd,id=m,size=64M", MEMFD, 0},
		{"-netdev vhost-user,id=n,chardev=c", MEMFD, 0},
		{"-netdev tap,id=n,fd=5,vhostfd=6", 0, 0},
		{"-netdev af-xdp,id=n,ifname=eth0", XDP, 0},
		{"-object memory-backend-shm,id=m,size=64M", SHM, 0},
		{"-object can-host-socketcan,id=c,if=can0,canbus=b", CAN, 0},
		{"-object secret_keyring,id=s,serial=7", KEYRING, 0},
		{"-object secret,id=s,file=/dev/fd/9", 0, 0},
		{"-chardev socket,id=c,host=h,port=1,mptcp=on", MPTCP, 0},
		{"-chardev socket,id=c,path=x,abstract=on", ABSTRACT, 0},
		{"-chardev socket,id=c,path=x,abstract=off", 0, 0},
		{"-netdev {\"type\":\"dgram\",\"remote\":{\"abstract\":true}}", ABSTRACT, 0},
		{"-set chardev.c.abstract=on", ABSTRACT, 0},
		{"-vnc :1,sasl=on", HOST_NAME, 0},
		{"-vnc :1", 0, 0},
		{"-spice port=5900,sasl=on", HOST_NAME, 0},
		{"-audiodev alsa,id=a", IPC, 0},
		{"-audiodev jack,id=a", IPC, 0},
		{"-audiodev none,id=a", 0, 0},
		{"-sandbox on", SPAWNS, 0},
		{"-sandbox off", SPAWNS, 0},
		{"-sandbox on,spawn=deny,obsolete=deny", 0, 0},
		{"-readconfig /dev/fd/9", IN_A_FILE, 0},
		{"-smp 4", 0, 4},
		{"-smp cpus=2,maxcpus=64", 0, 128},
		{"-smp sockets=2,cores=4,threads=2", 0, 16},
		{"-smp 99999999999999999999", 0, 0},
		{"-smp 65535,cores=65535", 0, 65536},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct qemu_needs n;
		take(cases[i].words, &n);
		const bool found[] = {n.terminals, n.io_uring, n.incoming, n.vsock, n.affinity,
			n.inotify, n.memfd, n.shm, n.can, n.xdp, n.mptcp, n.abstract, n.usb,
			n.keyring, n.host_name, n.ipc, n.aio, n.spawns};
		unsigned all = 0;
		for (unsigned bit = 0; bit < N_ELEMENTS(found); bit++)
			all |= found[bit] ? 1U << bit : 0;
		if (all != cases[i].needs)
			fail_msg("%s: %#x, not %#x", cases[i].words, all, cases[i].needs);
		assert_int_equal(n.cpus, cases[i].cpus ? cases[i].cpus : 1);
		qemu_needs_free(&n);
	}
}

/* "listens/connects": ports, "any", or nothing. */
static char *ports_of(const char *words)
{
	struct qemu_needs needs;
	char *text = xstrdup("");

	take(words, &needs);
	for (unsigned i = 0; i < 2; i++) {
		const struct qemu_ports *ports = i ? &needs.connects : &needs.listens;
		for (size_t n = 0; n < (ports->any ? 1 : ports->n); n++) {
			cleanup_free char *before = text;
			text = ports->any ? xasprintf("%sany ", before)
					  : xasprintf("%s%u ", before, ports->all[n]);
		}
		cleanup_free char *before = text;
		text = xasprintf("%s%s", before, i ? "" : "/ ");
	}
	qemu_needs_free(&needs);
	return text;
}

static void ports_are_named(void **state)
{
	static const struct {
		const char *words, *ports;
	} cases[] = {
		{"-nodefaults", "/ "},
		{"-m 64", "/ any "},
		{"-nodefaults -vnc :1", "5901 / "},
		{"-nodefaults -vnc 127.0.0.1:1,password=on", "5901 / "},
		{"-nodefaults -vnc [::1]:2,to=4", "5902 5903 5904 / "},
		{"-nodefaults -vnc :1,websocket=on", "5901 5701 / "},
		{"-nodefaults -vnc :1,websocket=6000", "any / "},
		{"-nodefaults -vnc h:5500,reverse=on", "/ any "},
		{"-nodefaults -vnc vnc=:1,vnc=:2", "any / "},
		{"-nodefaults -vnc :1 -vnc :3", "5901 5903 / "},
		{"-nodefaults -spice port=5930,tls-port=5931", "5930 5931 / "},
		{"-nodefaults -qmp tcp:127.0.0.1:4444,server=on,wait=off", "4444 / "},
		{"-nodefaults -qmp tcp:127.0.0.1:4444,server,nowait", "4444 / "},
		{"-nodefaults -qmp tcp:h:4444", "/ 4444 53 "},
		{"-nodefaults -qmp tcp:h:4444,server=off", "/ 4444 53 "},
		{"-nodefaults -monitor telnet::4445,server=on", "4445 / "},
		{"-nodefaults -serial udp:h:1", "/ "},
		{"-nodefaults -chardev socket,id=c,host=h,port=1,server=on,to=3", "1 2 3 / "},
		{"-nodefaults -chardev socket,id=c,host=h,port=1", "/ 1 53 "},
		{"-nodefaults -chardev socket,id=c,host=h,port=http", "/ any "},
		{"-nodefaults -chardev socket,id=c,host=h,port=1,server=on,to=60000", "any / "},
		{"-nodefaults -chardev {\"id\":\"c\",\"backend\":{\"data\":{\"addr\":{\"type\":"
		 "\"inet\"}}}}",
			"any / any "},
		{"-nodefaults -gdb tcp::1234", "1234 / "},
		{"-nodefaults -s", "1234 / "},
		{"-nodefaults -incoming tcp:0:4444", "4444 / "},
		{"-nodefaults -incoming tcp:[::]:70000", "any / "},
		{"-nodefaults -netdev user,id=n", "/ any "},
		{"-nodefaults -netdev user,id=n,hostfwd=tcp::2222-:22,hostfwd=udp::53-:53",
			"2222 / any "},
		{"-nodefaults -nic user,hostfwd=tcp:127.0.0.1:2222-10.0.2.15:22", "2222 / any "},
		{"-nodefaults -netdev socket,id=n,listen=:1234", "1234 / "},
		{"-nodefaults -netdev socket,id=n,connect=h:1234", "/ 1234 53 "},
		{"-nodefaults -netdev socket,id=n,mcast=230.0.0.1:1234", "/ "},
		{"-nodefaults -netdev stream,id=n,server=on,addr.type=inet,addr.host=h,addr.port=9",
			"9 / "},
		{"-nodefaults -netdev {\"type\":\"user\",\"id\":\"n\"}", "any / any "},
		{"-nodefaults -drive file=nbd:h:1", "/ any "},
		{"-nodefaults -readconfig /dev/fd/9", "any / any "},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		cleanup_free char *found = ports_of(cases[i].words);
		if (strcmp(found, cases[i].ports) != 0)
			fail_msg("%s: %s, not %s", cases[i].words, found, cases[i].ports);
	}
}

/* The sockets of servers that are named, one behind the other. */
static void sockets_are_named(void **state)
{
	static const struct {
		const char *words, *sockets;
	} cases[] = {
		{"-drive file=/srv/a.raw", ""},
		{"-drive driver=nbd,server.type=unix,server.path=/run/nbd", "/run/nbd "},
		{"-drive driver=nbd,server.path=/run/a,,b,export=x", "/run/a,b "},
		{"-drive file=nbd:unix:/run/nbd:exportname=x,format=raw", "/run/nbd "},
		{"-drive file=nbd+unix:///x?socket=/run/nbd,format=raw", "/run/nbd "},
		{"-hda nbd:unix:/run/nbd", "/run/nbd "},
		{"nbd:unix:/run/nbd", "/run/nbd "},
		{"-blockdev {\"driver\":\"nbd\",\"node-name\":\"n\",\"server\":{\"type\":"
		 "\"unix\",\"path\":\"/run/nbd\"}}",
			"/run/nbd "},
		{"-blockdev driver=nbd,server.type=fd,server.str=5", ""},
		{"-append server.path=/run/nbd", ""},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct qemu_needs needs;
		char *all = xstrdup("");
		take(cases[i].words, &needs);
		for (size_t n = 0; n < needs.n_sockets; n++) {
			cleanup_free char *before = all;
			all = xasprintf("%s%s ", before, needs.sockets[n]);
		}
		assert_string_equal(all, cases[i].sockets);
		free(all);
		qemu_needs_free(&needs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networks_are_needed),
		cmocka_unit_test(default_network),
		cmocka_unit_test(other_needs),
		cmocka_unit_test(ports_are_named),
		cmocka_unit_test(sockets_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
