/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts of attack.c at sockets, at what processes share, and at interfaces of the kernel. */
#pragma once

#include "attack-processes.h"

static enum outcome connects(int family, int type, const void *address, socklen_t length)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && connect(fd, address, length) == 0;
	char byte = 'x';

	/* A datagram is there when it is answered, or when nobody says that it is not. */
	if (good && family == AF_INET && type == SOCK_DGRAM)
		good = send(fd, &byte, 1, 0) == 1 && (usleep(50000), send(fd, &byte, 1, 0) == 1);
	if (fd >= 0)
		close(fd);
	return is(good);
}

static enum outcome to_unix(const char *path, bool is_abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (!path)
		return ABSENT;
	strncpy(address.sun_path + is_abstract, path, sizeof address.sun_path - 2);
	return connects(AF_UNIX, SOCK_STREAM, &address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1));
}

static enum outcome to_host(int type)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connects(AF_INET, type, &address, sizeof address);
}

static enum outcome net_tcp(void)
{
	return to_host(SOCK_STREAM);
}

static enum outcome net_udp(void)
{
	return to_host(SOCK_DGRAM);
}

/* Where others can reach it: in a network without interfaces nobody can. */
static enum outcome net_listen(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		    listen(fd, 1) == 0;

	if (fd >= 0)
		close(fd);
	errno = 0;
	if (good && to_host(SOCK_DGRAM) == DENIED && errno == ENETUNREACH)
		return DENIED;
	return is(good);
}

static enum outcome net_addresses(void)
{
	struct {
		struct nlmsghdr head;
		struct ifaddrmsg body;
	} ask = {.head = {.nlmsg_len = sizeof ask,
			 .nlmsg_type = RTM_GETADDR,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
	struct nlmsghdr answer[512];
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool good = fd >= 0 && send(fd, &ask, sizeof ask, 0) == (ssize_t)sizeof ask &&
		    recv(fd, answer, sizeof answer, 0) > 0 && answer[0].nlmsg_type == RTM_NEWADDR;

	if (fd >= 0)
		close(fd);
	return is(good);
}

/* Families whose code in the kernel no VM needs. */
static enum outcome net_families(void)
{
	static const struct {
		int family, type, protocol;
	} all[] = {{AF_PACKET, SOCK_RAW, 0}, {AF_ALG, SOCK_SEQPACKET, 0},
		{AF_VSOCK, SOCK_STREAM, 0}, {AF_BLUETOOTH, SOCK_SEQPACKET, 0},
		{AF_CAN, SOCK_RAW, 1}, {AF_NETLINK, SOCK_RAW, NETLINK_XFRM},
		{AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER},
		{AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG}};
	bool any = false;

	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		int fd = socket(all[i].family, all[i].type | SOCK_CLOEXEC, all[i].protocol);
		any |= fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	return is(any);
}

/* Protocols of the usual families, and families by pairs, that no VM needs. */
static enum outcome net_protocols(void)
{
	static const struct {
		int family, type, protocol;
	} all[] = {{AF_INET, SOCK_STREAM, 132 /* SCTP */}, {AF_INET, SOCK_STREAM, 262 /* MPTCP */},
		{AF_INET6, SOCK_STREAM, 262}, {AF_INET, SOCK_DGRAM, 115 /* L2TP */},
		{AF_INET, SOCK_DGRAM, 136 /* UDP-Lite */}, {AF_INET, SOCK_STREAM, 256 /* SMC */}};
	int pair[2];
	bool any = socketpair(30 /* TIPC */, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0;

	for (size_t i = 0; i < N_ELEMENTS(all); i++) {
		int fd = socket(all[i].family, all[i].type | SOCK_CLOEXEC, all[i].protocol);
		any |= fd >= 0;
		if (fd >= 0)
			close(fd);
	}
	return is(any);
}

/* Who talks to whom on the host. */
static enum outcome net_connections(void)
{
	FILE *in = fopen("/proc/self/net/unix", "re");
	int lines = 0;

	for (int c; in && (c = getc(in)) != EOF;)
		lines += c == '\n';
	if (in)
		fclose(in);
	return is(lines > 1);
}

static bool lists_devices(int fd)
{
	struct ifreq all[16];
	struct ifconf devices = {.ifc_len = sizeof all, .ifc_req = all};

	return fd >= 0 && ioctl(fd, SIOCGIFCONF, &devices) == 0 && devices.ifc_len > 0;
}

/* Network devices of the host, by a socket of any family: a new one, or one that was passed. */
static enum outcome net_devices(void)
{
	int own = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool any = false;

	for (int fd = 0; fd < 1024; fd++)
		any |= lists_devices(fd);
	close(own);
	return is(any);
}

/* More of a tap device than its packets: here, whether it stays when the VM has ended. */
static enum outcome net_tap(void)
{
	enum outcome outcome = ABSENT;
	struct ifreq name;

	for (int fd = 0; fd < 1024; fd++) {
		if (ioctl(fd, TUNGETIFF, &name) < 0)
			continue;
		bool good = ioctl(fd, TUNSETPERSIST, 1) == 0;
		if (good)
			ioctl(fd, TUNSETPERSIST, 0);
		if (outcome != REACHED)
			outcome = is(good);
	}
	return outcome;
}

static enum outcome sock_service(void)
{
	return to_unix(t.service, false);
}

static enum outcome sock_vnc(void)
{
	return to_unix(t.vnc, false);
}

static enum outcome sock_abstract(void)
{
	return to_unix("vp-attack", true);
}

static enum outcome ipc_memory(void)
{
	struct shm_info info;

	return is(shmget(BAIT_KEY, 0, 0) >= 0 ||
		  (shmctl(0, SHM_INFO, (struct shmid_ds *)&info) >= 0 && info.used_ids > 0));
}

static enum outcome ipc_queues(void)
{
	return is(msgget(BAIT_KEY, 0) >= 0 || semget(BAIT_KEY, 0, 0) >= 0 ||
		  mq_open(BAIT_QUEUE, O_RDONLY | O_CLOEXEC) != (mqd_t)-1);
}

static enum outcome ipc_keys(void)
{
	return is(syscall(SYS_add_key, "user", "vp-attack", "x", 1, -2) > 0 ||
		  syscall(SYS_keyctl, 10 /* search */, -4, "user", "vp-bait", 0) > 0);
}

static enum outcome kernel_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return is(syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr) >= 0);
}

static enum outcome kernel_perf(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
		.size = sizeof attr,
		.config = PERF_COUNT_SW_TASK_CLOCK,
		.exclude_kernel = 1,
		.exclude_hv = 1};

	return is(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) >= 0);
}

static enum outcome kernel_userfault(void)
{
	return is(syscall(SYS_userfaultfd, O_CLOEXEC | 1) >= 0);
}

static enum outcome kernel_io_uring(void)
{
	unsigned params[30] = {0};

	return is(syscall(425, 4, params) >= 0);
}

/* Contexts of asynchronous I/O, of which the host has so many in all. */
static enum outcome kernel_aio(void)
{
	unsigned long context = 0;
	bool good = syscall(SYS_io_setup, 1, &context) == 0;

	if (good)
		syscall(SYS_io_destroy, context);
	return is(good);
}

static enum outcome kernel_namespaces(void)
{
	static const unsigned long flags[] = {
		CLONE_NEWUSER, CLONE_NEWUSER | CLONE_NEWNS, CLONE_NEWUSER | CLONE_NEWNET};
	bool any = unshare(CLONE_NEWUSER) == 0;

	for (size_t i = 0; i < N_ELEMENTS(flags); i++) {
		pid_t pid = (pid_t)syscall(SYS_clone, flags[i] | SIGCHLD, NULL, NULL, NULL, NULL);
		if (pid == 0)
			_exit(0);
		any |= succeeds(pid);
	}
	return is(any);
}

static enum outcome kernel_mounts(void)
{
	int fd = open("/proc/1/ns/mnt", O_RDONLY | O_CLOEXEC);

	return is(syscall(430, "tmpfs", 0) >= 0 || mount("x", "/tmp", "tmpfs", 0, NULL) == 0 ||
		  (fd >= 0 && setns(fd, 0) == 0));
}

static enum outcome kernel_personality(void)
{
	return is(syscall(SYS_personality, 0xffffffffUL) != -1);
}

static sigjmp_buf without_abi;

static void on_fault(int number)
{
	siglongjmp(without_abi, number);
}

/*
 * What the call of the other ABI is answered with: a filter that looks at one alone lets it pass.
 * A kernel without that of i386 (ia32_emulation=0, some hypervisors) has the instruction fault.
 */
static enum outcome kernel_other_abi(void)
{
#ifdef __x86_64__
	struct sigaction act = {.sa_handler = on_fault}, before;
	volatile bool is_there = false, reached = false;

	sigaction(SIGSEGV, &act, &before);
	if (sigsetjmp(without_abi, 1) == 0) {
		long result = 20; /* getpid of i386 */
		__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
		is_there = true;
		reached = result > 0;
	}
	sigaction(SIGSEGV, &before, NULL);
	reached = reached || syscall(0x40000000L | SYS_getpid) > 0;
	return is_there || reached ? is(reached) : ABSENT;
#else
	return ABSENT;
#endif
}

static enum outcome kernel_name(void)
{
	struct utsname name;

	return t.name && uname(&name) == 0 ? is(strcmp(name.nodename, t.name) == 0) : ABSENT;
}

static enum outcome kernel_core(void)
{
	struct rlimit core;

	return is(getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max > 0);
}
