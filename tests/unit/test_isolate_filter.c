/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The seccomp filter of an isolated QEMU: what fails, and what goes on working, as the kernel
 * answers. */
#include "base/array.h"
#include "base/cleanup.h"
#include "isolate/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	NONE = 0,
	FORKS = 1,
	IO_URING = 2,
	USERFAULTFD = 4,
	UEVENTS = 8,
	SHARES = 16,
	AFFINITY = 32,
	INOTIFY = 64,
	MPTCP = 128,
	KEYRING = 256,
	IPC = 512,
	CAN = 1024,
	XDP = 2048,
	PROGRAMS = 4096,
	AIO = 8192,
	NETWORK = 16384
};

/*
 * A call with arguments that the kernel itself refuses with another error than EPERM, or takes; and
 * whether it is refused where nothing is asked for, and what lets it through.
 */
static const struct call {
	const char *name;
	long number;
	unsigned long a, b, c, d;
	bool refused;
	unsigned allowed_by;
} calls[] = {
	{"getppid", SYS_getppid, 0, 0, 0, 0, false, 0},
	{"personality", SYS_personality, 0xffffffff, 0, 0, 0, true, 0},
	{"bpf", SYS_bpf, 999, 0, 0, 0, true, 0},
	{"perf_event_open", SYS_perf_event_open, 0, 0, 0, 0, true, 0},
	{"keyctl", SYS_keyctl, 999, 0, 0, 0, true, 0},
	{"keyctl KEYCTL_READ", SYS_keyctl, 11, 0, 0, 0, true, KEYRING},
	{"kcmp of itself", SYS_kcmp, 0, 0, 99, 0, false, 0},
	{"kcmp of another one", SYS_kcmp, 1, 0, 99, 0, true, 0},
	{"kcmp with another one", SYS_kcmp, 0, 1, 99, 0, true, 0},
	{"ptrace", SYS_ptrace, 999, 1, 0, 0, true, 0},
	{"process_vm_readv", SYS_process_vm_readv, 1, 0, 0, 0, true, 0},
	{"pidfd_open", 434, 0, 0, 0, 0, true, 0},
	{"unshare", SYS_unshare, 0, 0, 0, 0, true, 0},
	{"setns", SYS_setns, -1UL, 0, 0, 0, true, 0},
	{"mount", SYS_mount, 0, 0, 0, 0, true, 0},
	{"open_tree", 428, -1UL, 0, 0, 0, true, 0},
	{"fsopen", 430, 0, 0, 0, 0, true, 0},
	{"name_to_handle_at", SYS_name_to_handle_at, -1UL, 0, 0, 0, true, 0},
	{"shmget", SYS_shmget, 0, 0, 0, 0, true, IPC},
	{"semget", SYS_semget, 0, 0, 0, 0, true, IPC},
	{"msgget", SYS_msgget, 0, 0, 0, 0, true, 0},
	{"mq_open", SYS_mq_open, 0, 0, 0, 0, true, 0},
	{"io_uring_setup", 425, 0, 0, 0, 0, true, IO_URING},
	{"userfaultfd", SYS_userfaultfd, 0x1000, 0, 0, 0, true, USERFAULTFD},
	{"socket UNIX", SYS_socket, AF_UNIX, SOCK_STREAM, 0, 0, false, 0},
	{"socket INET", SYS_socket, AF_INET, SOCK_STREAM, 0, 0, false, 0},
	{"socket INET6", SYS_socket, AF_INET6, SOCK_DGRAM, 0, 0, false, 0},
	{"socket NETLINK of a route", SYS_socket, AF_NETLINK, SOCK_RAW, 0, 0, true, 0},
	{"socket NETLINK of devices", SYS_socket, AF_NETLINK, SOCK_RAW, 15, 0, true, UEVENTS},
	{"socket INET SCTP", SYS_socket, AF_INET, SOCK_STREAM, 132, 0, true, 0},
	{"socket INET6 L2TP", SYS_socket, AF_INET6, SOCK_DGRAM, 115, 0, true, 0},
	{"socket INET MPTCP", SYS_socket, AF_INET, SOCK_STREAM, 262, 0, true, MPTCP},
	{"socket INET UDP", SYS_socket, AF_INET, SOCK_DGRAM, 17, 0, false, 0},
	{"socketpair TIPC", SYS_socketpair, 30, SOCK_STREAM, 0, 1, true, 0},
	{"socket CAN", SYS_socket, AF_CAN, 99, 0, 0, true, CAN},
	{"socket XDP", SYS_socket, AF_XDP, 99, 0, 0, true, XDP},
	{"socket ALG", SYS_socket, AF_ALG, SOCK_SEQPACKET, 0, 0, true, 0},
	{"socket of another width", SYS_socket, AF_ALG | 1UL << 32, SOCK_SEQPACKET, 0, 0, true, 0},
	{"socketpair", SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 1, false, 0},
	{"getpgid of itself", SYS_getpgid, 0, 0, 0, 0, false, 0},
	{"getpgid of init", SYS_getpgid, 1, 0, 0, 0, true, 0},
	{"getsid of init", SYS_getsid, 1, 0, 0, 0, true, 0},
	{"getpriority of itself", SYS_getpriority, PRIO_PROCESS, 0, 0, 0, false, 0},
	{"getpriority of init", SYS_getpriority, PRIO_PROCESS, 1, 0, 0, true, 0},
	{"getpriority of a group", SYS_getpriority, PRIO_PGRP, 0, 0, 0, true, 0},
	{"setpriority of all with the id", SYS_setpriority, PRIO_USER, 0, 0, 0, true, 0},
	{"prlimit of init", SYS_prlimit64, 1, RLIMIT_NOFILE, 0, 0, true, 0},
	{"kill of init", SYS_kill, 1, 0, 0, 0, true, FORKS},
	{"kill of the group", SYS_kill, 0, 0, 0, 0, true, FORKS},
	{"tgkill of init", SYS_tgkill, 1, 1, 0, 0, true, FORKS},
	{"rt_sigqueueinfo of init", SYS_rt_sigqueueinfo, 1, 0, 0, 0, true, FORKS},
	{"clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, 0, 0, 0, false, 0},
	{"clock of a process", SYS_clock_getres, (~1UL << 3 | 2) & 0xffffffff, 0, 0, 0, true, 0},
	{"clock of a thread", SYS_clock_getres, (~0UL << 3 | 6) & 0xffffffff, 0, 0, 0, false, 0},
	{"ioctl TCGETS", SYS_ioctl, -1UL, TCGETS, 0, 0, false, 0},
	{"ioctl TIOCSTI", SYS_ioctl, -1UL, TIOCSTI, 0, 0, true, 0},
	{"ioctl TIOCSTI of another width", SYS_ioctl, -1UL, TIOCSTI | 1UL << 32, 0, 0, true, 0},
	{"ioctl FIOSETOWN", SYS_ioctl, -1UL, 0x8901, 0, 0, true, 0},
	{"ioctl TUNSETPERSIST", SYS_ioctl, -1UL, 0x400454cb, 0, 0, true, 0},
	{"ioctl TUNSETOFFLOAD", SYS_ioctl, -1UL, 0x400454d0, 0, 0, false, 0},
	{"ioctl SIOCGIFCONF", SYS_ioctl, -1UL, 0x8912, 0, 0, true, NETWORK},
	{"ioctl SIOCETHTOOL", SYS_ioctl, -1UL, 0x8946, 0, 0, true, NETWORK},
	{"ioctl FIONREAD", SYS_ioctl, -1UL, 0x541b, 0, 0, false, 0},
	{"ioctl KVM_GET_API_VERSION", SYS_ioctl, -1UL, 0xae00, 0, 0, false, 0},
	{"ioctl SIOCSIFHWADDR", SYS_ioctl, -1UL, 0x8924, 0, 0, true, 0},
	{"fcntl F_GETFL", SYS_fcntl, -1UL, F_GETFL, 0, 0, false, 0},
	{"fcntl F_OFD_SETLK", SYS_fcntl, -1UL, 37, 0, 0, false, 0},
	{"fcntl F_NOTIFY", SYS_fcntl, -1UL, F_NOTIFY, 0, 0, true, 0},
	{"fcntl F_SETLEASE", SYS_fcntl, -1UL, F_SETLEASE, 0, 0, true, 0},
	{"fcntl F_SETOWN", SYS_fcntl, -1UL, F_SETOWN, 1, 0, true, 0},
	{"fcntl F_SETOWN_EX", SYS_fcntl, -1UL, F_SETOWN_EX, 0, 0, true, 0},
	{"prctl PR_SCHED_CORE", SYS_prctl, 62, 99, 1, 0, true, 0},
	{"flock", SYS_flock, -1UL, 2, 0, 0, true, PROGRAMS},
	{"capget", SYS_capget, 0, 0, 0, 0, true, PROGRAMS},
	{"io_setup", SYS_io_setup, 0, 0, 0, 0, true, AIO},
	{"cachestat", 451, -1UL, 0, 0, 0, true, 0},
	{"ioctl TIOCSETD", SYS_ioctl, -1UL, TIOCSETD, 0, 0, true, 0},
	{"fchmod 0644", SYS_fchmod, -1UL, 0644, 0, 0, false, 0},
	{"fchmod 04755", SYS_fchmod, -1UL, 04755, 0, 0, true, SHARES},
	{"fchmod 02755", SYS_fchmod, -1UL, 02755, 0, 0, true, SHARES},
	{"openat O_CREAT 04755", SYS_openat, -1UL, 1, O_CREAT | O_WRONLY, 04755, true, SHARES},
	{"openat 04755 that creates nothing", SYS_openat, -1UL, 1, O_RDONLY, 04755, false, 0},
	{"clone3", 435, 0, 0, 0, 0, false, 0},
	{"clone of a namespace", SYS_clone, 0x10000000UL | SIGCHLD, 0, 0, 0, true, 0},
	{"sched_getaffinity of itself", SYS_sched_getaffinity, 0, 0, 0, 0, false, 0},
	{"sched_getscheduler of init", SYS_sched_getscheduler, 1, 0, 0, 0, true, AFFINITY},
	{"sched_getattr of init", SYS_sched_getattr, 1, 0, 0, 0, true, AFFINITY},
	{"inotify_init1", SYS_inotify_init1, 0x1000, 0, 0, 0, true, INOTIFY},
	{"memfd_create", SYS_memfd_create, 0, 0x1000, 0, 0, false, 0},
};

static struct isolation isolation_of(unsigned asked)
{
	return (struct isolation){
		.layers = ISOLATE_FILTER | ISOLATE_LANDLOCK | ISOLATE_ROOT | ISOLATE_NETWORK,
		.asked = ISOLATE_FILTER,
		.forks = asked & FORKS,
		.io_uring = asked & IO_URING,
		.userfaultfd = asked & USERFAULTFD,
		.uevents = asked & UEVENTS,
		.shares = asked & SHARES,
		.affinity = asked & AFFINITY,
		.inotify = asked & INOTIFY,
		.mptcp = asked & MPTCP,
		.keyring = asked & KEYRING,
		.ipc = asked & IPC ? (char *)"sound" : NULL,
		.can = asked & CAN,
		.xdp = asked & XDP,
		.executes = asked & PROGRAMS,
		.aio = asked & AIO,
		.network = asked & NETWORK ? (char *)"a VNC display" : NULL};
}

/* Whether call i is refused, behind the filter: 0 or 1; anything else is no answer. */
static int ask(size_t i, unsigned asked)
{
	const struct call *c = &calls[i];
	struct isolation isolation = isolation_of(asked);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char *error = NULL;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			!filter_install(&isolation, &error)) {
			fprintf(stderr, "%s\n", error ? error : "no_new_privs");
			_exit(100);
		}
		errno = 0;
		long result = syscall(c->number, c->a, c->b, c->c, c->d);
		_exit(result == -1 &&
			errno == (c->number == SYS_sched_getaffinity ? ENOSYS : EPERM));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status))
		fail_msg("%s: ended by signal %d", c->name, WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void calls_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(calls); i++) {
		if (ask(i, NONE) != calls[i].refused)
			fail_msg("%s: %s", calls[i].name,
				calls[i].refused ? "not refused" : "refused");
		/* As root, the kernel itself refuses nothing of it with EPERM. */
		if (calls[i].allowed_by && ask(i, calls[i].allowed_by) != 0)
			fail_msg("%s: refused although it is asked for", calls[i].name);
	}
}

/* Some libraries look where the stack of their thread ends, and end the process if that fails. */
static void *thread(void *context)
{
	pthread_attr_t attributes;

	if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
		pthread_attr_destroy(&attributes);
		*(int *)context = 1;
	}
	return NULL;
}

/* What QEMU does all the time, in one process behind the filter. 0, or which of it fails. */
static int use(void)
{
	pthread_t id;
	int ran = 0;
	cpu_set_t cpus;
	struct rlimit limit;

	if (pthread_create(&id, NULL, thread, &ran) != 0 || pthread_join(id, NULL) != 0 || !ran)
		return 1;
	if (pthread_getaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0 ||
		pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus) != 0)
		return 2;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
		prlimit(getpid(), RLIMIT_NOFILE, NULL, &limit) < 0)
		return 3;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0)
		return 4;
	if (memfd_create("test", MFD_CLOEXEC) < 0)
		return 5;
	if (kill(getpid(), 0) < 0 || raise(SIGWINCH) != 0)
		return 6;
	return fork() == -1 && errno == EPERM ? 0 : 7;
}

static void threads_and_memory_go_on(void **state)
{
	struct isolation isolation = isolation_of(NONE);
	char *error = NULL;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		setpgid(0, 0);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			!filter_install(&isolation, &error))
			_exit(100);
		_exit(use());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A QEMU that becomes a daemon forks, and its child is behind the filter, too. */
static void a_fork_is_asked_for(void **state)
{
	struct isolation isolation = isolation_of(FORKS);
	char *error = NULL;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
			!filter_install(&isolation, &error))
			_exit(100);
		if (memfd_create("test", MFD_CLOEXEC) >= 0 || errno != EPERM)
			_exit(4);
		pid_t child = fork();
		if (child == 0)
			_exit(setsid() < 0					  ? 1
				: syscall(SYS_getpgid, 1) == -1 && errno == EPERM ? 0
										  : 2);
		if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
			_exit(3);
		_exit(WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_are_refused),
		cmocka_unit_test(threads_and_memory_go_on),
		cmocka_unit_test(a_fork_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
