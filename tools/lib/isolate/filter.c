/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "isolate/filter.h"

#include "base/array.h"
#include "base/error.h"
#include "base/io.h"
#include "base/log.h"
#include "isolate/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/tiocl.h's multiplexed request; asm-generic/ioctls.h leaves it out. */
#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#endif
#ifndef TUNSETCARRIER
#define TUNSETCARRIER _IOW('T', 226, int)
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define SET_ID (S_ISUID | S_ISGID)

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define X32_SYSCALL_BIT 0x40000000
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define NATIVE_ARCH AUDIT_ARCH_S390X
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH AUDIT_ARCH_RISCV64
#else
#error "add this architecture's AUDIT_ARCH_... of linux/audit.h"
#endif
/* clone(2): where the flags are. */
#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif
/* Calls of the generic table, which are newer than some C library's list of them. */
#define NR_CLONE3 435
#define NR_FCHMODAT2 452
/* The last one that is known here, and judged: listns(2) and rseq_slice_yield(2) of Linux 7.0. */
#define NR_LAST 471

/* Where the low 32 bits of an argument stand in seccomp_data. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n) offsetof(struct seccomp_data, args[n])
#else
#define ARGUMENT(n) (offsetof(struct seccomp_data, args[n]) + 4)
#endif
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQUAL(value, then, otherwise)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, otherwise)
#define IF_ANY(bits, then, otherwise)                                                              \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(bits), then, otherwise)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)

/*
 * Calls that always fail. Some numbers are not there on every architecture; those of the generic
 * table are the same on all, and stand as numbers where a C library may not know them yet.
 */
static const int refused[] = {
	/* interfaces of the kernel that were often broken, and are of no use to a VM */
	SYS_perf_event_open,
	SYS_bpf,
	SYS_add_key,
	SYS_request_key,
	SYS_personality,
	SYS_kexec_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_syslog,
	SYS_quotactl,
	SYS_acct,
	SYS_swapon,
	SYS_swapoff,
	SYS_reboot,
	SYS_vhangup,
	SYS_vmsplice,
	SYS_tee,
	SYS_fanotify_init,
	SYS_fanotify_mark,

	443 /* quotactl_fd */,
	447 /* memfd_secret */,
#ifdef SYS_lookup_dcookie
	SYS_lookup_dcookie,
#endif
#ifdef SYS_nfsservctl
	SYS_nfsservctl,
#endif
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_modify_ldt
	SYS_modify_ldt,
	SYS_iopl,
	SYS_ioperm,
#endif
#ifdef SYS_uselib
	SYS_uselib,
#endif
#ifdef SYS_sysfs
	SYS_sysfs,
	SYS_ustat,
#endif
#ifdef SYS__sysctl
	SYS__sysctl,
#endif
	/* other processes */
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_migrate_pages,
	SYS_move_pages,
	SYS_ioprio_get,
	SYS_ioprio_set,
	SYS_get_robust_list,
	424 /* pidfd_send_signal */,
	434 /* pidfd_open */,
	438 /* pidfd_getfd */,
	440 /* process_madvise */,
	448 /* process_mrelease */,
	/* namespaces, mounts and what the host is called */
	SYS_unshare,
	SYS_setns,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	428 /* open_tree */,
	429 /* move_mount */,
	430 /* fsopen */,
	431 /* fsconfig */,
	432 /* fsmount */,
	433 /* fspick */,
	442 /* mount_setattr */,
	457 /* statmount */,
	458 /* listmount */,
	467 /* open_tree_attr */,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_adjtimex,
	SYS_clock_adjtime,
	/* a file by other ways than its name */
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	/* what processes share: a namespace of its own is empty */
	SYS_msgget,
	SYS_msgsnd,
	SYS_msgrcv,
	SYS_msgctl,
	SYS_mq_open,
	SYS_mq_unlink,
	SYS_mq_timedsend,
	SYS_mq_timedreceive,
	SYS_mq_notify,
	SYS_mq_getsetattr,
	470 /* listns */,
	/* security modules */
	460 /* lsm_set_self_attr */,
	461 /* lsm_list_modules */,
	/* who else uses a file */
	451 /* cachestat */,
};

/*
 * What other programs than QEMU use, which it may start: locks of files that the host has, too; all
 * file systems at once.
 */
static const int of_programs[] = {SYS_flock, SYS_sync};

/* Memory and semaphores of System V, by which some sound servers are reached. */
static const int system_v[] = {SYS_shmget, SYS_shmat, SYS_shmctl, SYS_shmdt, SYS_semget, SYS_semop,
	SYS_semctl, SYS_semtimedop};

/* Calls whose first argument is a process: of another one than the caller, they fail. */
static const int of_a_process[] = {SYS_kcmp, SYS_prlimit64, SYS_getpgid, SYS_setpgid, SYS_getsid,
	SYS_sched_setscheduler, SYS_sched_setparam, SYS_sched_setattr};
/* And where it is the second one. */
static const int of_a_process_2[] = {SYS_kcmp, SYS_getpriority, SYS_setpriority};

/* Where the first one says whether the second one is a process. */
static const int of_processes[] = {SYS_getpriority, SYS_setpriority};

/* The same; but threads are numbers of their own, and a QEMU that is asked to sets theirs. */
static const int of_a_thread[] = {SYS_sched_setaffinity, SYS_sched_getscheduler, SYS_sched_getparam,
	SYS_sched_getattr, SYS_sched_rr_get_interval};

/* Signals, which a process that does not fork sends itself alone, and not its group (0). */
static const int of_a_signal[] = {
	SYS_kill, SYS_tgkill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo};

/* Clocks: among them is the processor time of each process (clock_getcpuclockid(3)). */
static const int of_a_clock[] = {
	SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_timer_create};
#define CLOCK_OF_A_PROCESS 0x80000000
#define CLOCK_OF_A_THREAD 4 /* CPUCLOCK_PERTHREAD_MASK: the kernel has it for own threads alone */

/* What tells of the use of files that the host has, too: those of /usr. */
static const int watches[] = {
#ifdef SYS_inotify_init
	SYS_inotify_init,
#endif
	SYS_inotify_init1, SYS_inotify_add_watch};

/*
 * Requests of ioctl(2) that type into a terminal, or change what serves it; that have the kernel
 * signal another process; and that change a tap device of the host's, which needs no capability
 * once it is open.
 */
static const uint32_t requests[] = {TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS, FIOSETOWN, SIOCSPGRP,
	TUNSETPERSIST, TUNSETOWNER, TUNSETGROUP, TUNSETLINK, TUNSETDEBUG, TUNSETCARRIER,
	SIOCSIFHWADDR};

/* Commands of fcntl(2): to watch a directory, to delay who opens a file, to signal others. */
static const uint32_t commands[] = {F_NOTIFY, F_SETLEASE, F_SETOWN, F_SETOWN_EX, F_SETSIG};

static const int io_uring[] = {
	425 /* io_uring_setup */, 426 /* io_uring_enter */, 427 /* io_uring_register */};

#define PUT(p, ...)                                                                                \
	rules_put(p, (const struct sock_filter[]){__VA_ARGS__},                                    \
		N_ELEMENTS(((const struct sock_filter[]){__VA_ARGS__})))
/* A rule's first instructions: of another call, on with what comes behind the rule. */
#define BEGIN(p, call, length, ...)                                                                \
	(rules_begin(p, call), PUT(p, IF_EQUAL(call, 0, (uint8_t)(length)), __VA_ARGS__))

/* Each rule leaves the call's number loaded for the next one. */
#define LOAD_NUMBER LOAD(offsetof(struct seccomp_data, nr))

static void refuse(struct rules *p, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		BEGIN(p, calls[i], 1, REFUSE);
}

/* Unless the argument is one of those numbers, it fails with that error. */
static void answer_unless(struct rules *p, int call, unsigned argument, const uint32_t *allowed,
	size_t n, uint32_t error)
{
	BEGIN(p, call, n + 3, LOAD(ARGUMENT(argument)));
	for (size_t i = 0; i < n; i++)
		PUT(p, IF_EQUAL(allowed[i], (uint8_t)(n - i), 0));
	PUT(p, RETURN(SECCOMP_RET_ERRNO | error), LOAD_NUMBER);
}

static void refuse_unless(
	struct rules *p, int call, unsigned argument, const uint32_t *allowed, size_t n)
{
	answer_unless(p, call, argument, allowed, n, EPERM);
}

/* A socket of the family, unless of one of those protocols. */
static void refuse_protocols(struct rules *p, uint32_t family, const uint32_t *allowed, size_t n)
{
	BEGIN(p, SYS_socket, n + 5, LOAD(ARGUMENT(0)), IF_EQUAL(family, 0, (uint8_t)(n + 2)),
		LOAD(ARGUMENT(2)));
	for (size_t i = 0; i < n; i++)
		PUT(p, IF_EQUAL(allowed[i], (uint8_t)(n - i), 0));
	PUT(p, REFUSE, LOAD_NUMBER);
}

/* If the argument has any of those bits. */
static void refuse_bits(struct rules *p, int call, unsigned argument, uint32_t bits)
{
	BEGIN(p, call, 4, LOAD(ARGUMENT(argument)), IF_ANY(bits, 0, 1), REFUSE, LOAD_NUMBER);
}

/* A file that is made with such a mode; without O_CREAT the argument means nothing. */
static void refuse_made(struct rules *p, int call, unsigned flags, unsigned mode)
{
	BEGIN(p, call, 6, LOAD(ARGUMENT(flags)), IF_ANY(O_CREAT, 0, 3), LOAD(ARGUMENT(mode)),
		IF_ANY(SET_ID, 0, 1), REFUSE, LOAD_NUMBER);
}

/*
 * If the argument is one of those numbers. A request is compared in its low 32 bits alone, as the
 * kernel does (CVE-2019-7303).
 */
static void refuse_any(
	struct rules *p, int call, unsigned argument, const uint32_t *numbers, size_t n)
{
	BEGIN(p, call, n + 4, LOAD(ARGUMENT(argument)));
	for (size_t i = 0; i < n; i++)
		PUT(p, IF_EQUAL(numbers[i], (uint8_t)(n - i), 0));
	PUT(p, BPF_STMT(BPF_JMP | BPF_JA, 1), REFUSE, LOAD_NUMBER);
}

/*
 * Requests of sockets about network devices and their addresses: a socket that was made outside and
 * is passed answers them for the network of the host, of whatever family it is.
 */
static void refuse_device_requests(struct rules *p)
{
	BEGIN(p, SYS_ioctl, 5, LOAD(ARGUMENT(1)), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffffff00),
		IF_EQUAL(FIOSETOWN & 0xff00, 0, 1), REFUSE, LOAD_NUMBER);
}

static void refuse_processes(struct rules *p, bool forks)
{
	BEGIN(p, NR_CLONE3, 1, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
	refuse_bits(p, SYS_clone, CLONE_FLAGS, NAMESPACES);
	if (forks)
		return;
	BEGIN(p, SYS_clone, 4, LOAD(ARGUMENT(CLONE_FLAGS)), IF_ANY(CLONE_THREAD, 1, 0), REFUSE,
		LOAD_NUMBER);
#ifdef SYS_fork
	BEGIN(p, SYS_fork, 1, REFUSE);
	BEGIN(p, SYS_vfork, 1, REFUSE);
#endif
}

/* What is about another process. A process that forks has other numbers than this one. */
static void refuse_others(struct rules *p, const struct isolation *isolation)
{
	const uint32_t own[] = {0, (uint32_t)getpid()};
	size_t n = isolation->forks ? 1 : 2;

	for (size_t i = 0; i < N_ELEMENTS(of_a_process); i++)
		refuse_unless(p, of_a_process[i], 0, own, n);
	for (size_t i = 0; i < N_ELEMENTS(of_a_process_2); i++)
		refuse_unless(p, of_a_process_2[i], 1, own, n);
	/* Nor of all that have its id, or are in its group. */
	for (size_t i = 0; i < N_ELEMENTS(of_processes); i++)
		refuse_unless(p, of_processes[i], 0, (const uint32_t[]){PRIO_PROCESS}, 1);
	for (size_t i = 0; !isolation->affinity && i < N_ELEMENTS(of_a_thread); i++)
		refuse_unless(p, of_a_thread[i], 0, own, n);
	if (!isolation->affinity)
		answer_unless(p, SYS_sched_getaffinity, 0, own, n, ENOSYS);
	for (size_t i = 0; !isolation->forks && i < N_ELEMENTS(of_a_signal); i++)
		refuse_unless(p, of_a_signal[i], 0, own + 1, 1);
	for (size_t i = 0; i < N_ELEMENTS(of_a_clock); i++)
		BEGIN(p, of_a_clock[i], 5, LOAD(ARGUMENT(0)), IF_ANY(CLOCK_OF_A_PROCESS, 0, 2),
			IF_ANY(CLOCK_OF_A_THREAD, 1, 0), REFUSE, LOAD_NUMBER);
}

/*
 * A family or protocol that is asked for is a module that the kernel loads, whoever asks. Of those
 * of the internet, and of netlink, the protocol is the third argument.
 */
static void refuse_sockets(struct rules *p, const struct isolation *isolation)
{
	uint32_t families[8] = {AF_UNIX, AF_INET, AF_INET6},
		 protocols[6] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};
	size_t n = 3, n_protocols = 5;

	if (isolation->uevents || isolation->xdp)
		families[n++] = AF_NETLINK;
	if (isolation->vsock)
		families[n++] = AF_VSOCK;
	if (isolation->can)
		families[n++] = AF_CAN;
	if (isolation->xdp)
		families[n++] = AF_XDP;
	if (isolation->mptcp)
		protocols[n_protocols++] = IPPROTO_MPTCP;
	refuse_unless(p, SYS_socket, 0, families, n);
	refuse_unless(p, SYS_socketpair, 0, (const uint32_t[]){AF_UNIX}, 1);
	refuse_protocols(p, AF_INET, protocols, n_protocols);
	refuse_protocols(p, AF_INET6, protocols, n_protocols);
	if (!isolation->xdp)
		refuse_protocols(p, AF_NETLINK, (const uint32_t[]){NETLINK_KOBJECT_UEVENT}, 1);
}

/*
 * One number for many calls, whose arguments lie in memory, where no filter sees them. Each has had
 * a number of its own for long, which C libraries use.
 */
static void refuse_multiplexers(struct rules *p, const struct isolation *isolation)
{
	(void)p;
	(void)isolation;
#ifdef SYS_socketcall
	BEGIN(p, SYS_socketcall, 1, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
#endif
#ifdef SYS_ipc
	if (!isolation->ipc)
		BEGIN(p, SYS_ipc, 1, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
#endif
}

static void refuse_set_id(struct rules *p)
{
	refuse_bits(p, SYS_fchmod, 1, SET_ID);
	refuse_bits(p, SYS_fchmodat, 2, SET_ID);
	refuse_bits(p, NR_FCHMODAT2, 2, SET_ID);
	refuse_made(p, SYS_openat, 2, 3);
#ifdef SYS_open
	refuse_made(p, SYS_open, 1, 2);
	refuse_bits(p, SYS_chmod, 1, SET_ID);
	refuse_bits(p, SYS_creat, 1, SET_ID);
#endif
}

/* What is so of every call, and leaves its number loaded. */
static void put_head(struct rules_program *program)
{
	static const struct sock_filter head[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF_EQUAL(NATIVE_ARCH, 1, 0),
		REFUSE,
		LOAD_NUMBER,
#ifdef __x86_64__
		/* x32: the same arch, with a bit of its own in the number. */
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_SYSCALL_BIT, 0, 1),
		REFUSE,
#endif
		/* As on an older kernel, which QEMU and the C library know how to do with. */
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, NR_LAST, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	};

	rules_program_put(program, head, N_ELEMENTS(head));
}

static void put_rules(struct rules *p, const struct isolation *isolation)
{
	refuse(p, refused, N_ELEMENTS(refused));
	refuse_multiplexers(p, isolation);
	if (!isolation->io_uring)
		refuse(p, io_uring, N_ELEMENTS(io_uring));
	if (!isolation->userfaultfd)
		refuse(p, (const int[]){SYS_userfaultfd}, 1);
	if (!isolation->inotify)
		refuse(p, watches, N_ELEMENTS(watches));
	if (isolation->keyring)
		refuse_unless(p, SYS_keyctl, 0, (const uint32_t[]){KEYCTL_READ}, 1);
	else
		refuse(p, (const int[]){SYS_keyctl}, 1);
	if (!isolation->ipc)
		refuse(p, system_v, N_ELEMENTS(system_v));
	/* Landlock lets a program be executed that is in memory; without a fork, QEMU's own filter
	 * does not. */
	if ((isolation->layers & ISOLATE_LANDLOCK) && isolation->forks && !isolation->memfd)
		refuse(p, (const int[]){SYS_memfd_create}, 1);
	refuse_processes(p, isolation->forks);
	refuse_others(p, isolation);
	refuse_sockets(p, isolation);
	refuse_any(p, SYS_ioctl, 1, requests, N_ELEMENTS(requests));
	refuse_any(p, SYS_fcntl, 1, commands, N_ELEMENTS(commands));
	if ((isolation->layers & ISOLATE_NETWORK) && !isolation->network)
		refuse_device_requests(p);
	refuse_any(p, SYS_prctl, 0, (const uint32_t[]){PR_SCHED_CORE}, 1);
	/* The capabilities can be those of another process. */
	if (!isolation->executes)
		refuse(p, (const int[]){SYS_capget}, 1);
	if ((isolation->layers & ISOLATE_ROOT) && !isolation->executes)
		refuse(p, of_programs, N_ELEMENTS(of_programs));
	if ((isolation->layers & ISOLATE_ROOT) && !isolation->aio)
		refuse(p, (const int[]){SYS_io_setup}, 1);
	/* Files that the guest has are given modes as the guest says. */
	if (!isolation->shares)
		refuse_set_id(p);
}

/* The filters of this process; -1: the kernel does not tell (before 5.9). */
static bool count_filters(long *n, char **error)
{
	static const char field[] = "\nSeccomp_filters:";
	char text[8192];

	if (io_read_short(AT_FDCWD, "/proc/self/status", text, sizeof text) < 0)
		return error_set_errno(error, "cannot read /proc/self/status");
	const char *found = strstr(text, field);
	*n = found ? strtol(found + strlen(field), NULL, 10) : -1;
	return true;
}

/* On values that the kernel alone would refuse with another error, or would not refuse. */
static bool refuses(long result)
{
	return result == -1 && errno == EPERM;
}

static bool verify(long before, char **error)
{
	long now;

	if (!count_filters(&now, error))
		return false;
	if (before >= 0 && now != before + 1)
		return error_set(error,
			"the seccomp filter was installed, but the kernel counts %ld, after %ld",
			now, before);
	return (refuses(syscall(SYS_personality, 0xffffffffUL)) &&
		       refuses(syscall(SYS_getpgid, 1)) &&
		       refuses(syscall(SYS_add_key, NULL, NULL, NULL, 0, 0)) &&
		       refuses(ioctl(-1, TIOCSTI, ""))) ||
	       error_set_errno(
		       error, "the seccomp filter was installed, but does not refuse what it must");
}

/* EFAULT: it would look at a filter, if there were one. */
char *filter_why_not(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == 0 ||
		!isolation_is_lack(errno))
		return NULL;
	return xasprintf("the kernel takes no seccomp filter: %s", strerror(errno));
}

bool filter_install(const struct isolation *isolation, char **error)
{
	struct rules rules;
	struct rules_program program;
	long before;

	if (!count_filters(&before, error))
		return false;
	rules_start(&rules, &program);
	put_head(&program);
	put_rules(&rules, isolation);
	if (!rules_compile(&rules, &program))
		return error_set(error, "the seccomp filter has too many rules");
	const struct sock_fprog filter = {program.n, program.all};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0)
		return verify(before, error);
	int number = errno;
	error_set_errno(error, "cannot install the seccomp filter");
	return isolation_goes_without(isolation, ISOLATE_FILTER, number, error);
}
