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
	{"-chardev socket,id=c,path=x,abstract=on", "chardev"},
	{"-chardev socket,id=c,fd=3,abstract=off", NULL},
	{"-netdev stream,id=n,addr.type=unix,addr.path=x,addr.abstract=on", "netdev"},
	{"-object input-barrier,id=b,name=n", "object"},
	{"-object can-host-socketcan,id=c,if=can0,canbus=b", "object"},
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
	/* cpus 0: one. */
	static const struct {
		const char *words;
		bool terminals, io_uring, incoming, vsock, can, abstract, affinity, inotify, memfd,
			shm;
		unsigned cpus;
	} cases[] = {
		{.words = "-m 64"},
		{.words = "-serial pty", .terminals = true},
		{.words = "-chardev pty,id=c", .terminals = true},
		{.words = "-name empty"},
		{.words = "-drive file=a,aio=io_uring", .io_uring = true},
		{.words = "-incoming defer", .incoming = true},
		{.words = "-incoming vsock:1:2", .incoming = true, .vsock = true},
		{.words = "-device vhost-vsock-pci,guest-cid=3,vhostfd=9"},
		{.words = "-object can-host-socketcan,id=c,if=can0,canbus=b", .can = true},
		{.words = "-chardev socket,id=c,path=x,abstract=on", .abstract = true},
		{.words = "-chardev socket,id=c,path=x,abstract=off"},
		{.words = "-netdev {\"type\":\"dgram\",\"remote\":{\"abstract\":true}}",
			.abstract = true},
		{.words = "-set chardev.c.abstract=on", .abstract = true},
		{.words = "-append abstract=on"},
		{.words = "-object thread-context,id=t,cpu-affinity=0-1", .affinity = true},
		{.words = "-device usb-mtp,rootdir=/srv", .inotify = true},
		{.words = "-object memory-backend-memfd,id=m,size=64M", .memfd = true},
		{.words = "-netdev vhost-user,id=n,chardev=c", .memfd = true},
		{.words = "-netdev tap,id=n,fd=5,vhostfd=6"},
		{.words = "-object memory-backend-shm,id=m,size=64M", .shm = true},
		{.words = "-readconfig /dev/fd/9",
			.terminals = true,
			.can = true,
			.abstract = true,
			.io_uring = true,
			.affinity = true,
			.inotify = true,
			.memfd = true,
			.shm = true},
		{.words = "-smp 4", .cpus = 4},
		{.words = "-smp cpus=2,maxcpus=64", .cpus = 128},
		{.words = "-smp sockets=2,cores=4,threads=2", .cpus = 16},
		{.words = "-smp 99999999999999999999"},
		{.words = "-smp 65535,cores=65535", .cpus = 65536},
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct qemu_needs needs;
		take(cases[i].words, &needs);
		assert_int_equal(needs.terminals, cases[i].terminals);
		assert_int_equal(needs.io_uring, cases[i].io_uring);
		assert_int_equal(needs.incoming, cases[i].incoming);
		assert_int_equal(needs.vsock, cases[i].vsock);
		assert_int_equal(needs.can, cases[i].can);
		assert_int_equal(needs.abstract, cases[i].abstract);
		assert_int_equal(needs.cpus, cases[i].cpus ? cases[i].cpus : 1);
		assert_int_equal(needs.affinity, cases[i].affinity);
		assert_int_equal(needs.inotify, cases[i].inotify);
		assert_int_equal(needs.memfd, cases[i].memfd);
		assert_int_equal(needs.shm, cases[i].shm);
		qemu_needs_free(&needs);
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
		cmocka_unit_test(sockets_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
