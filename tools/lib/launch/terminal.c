/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "launch/terminal.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/tiocl.h's multiplexed request; asm-generic/ioctls.h leaves it out. */
#ifndef TIOCLINUX
#define TIOCLINUX 0x541C
#endif

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

bool terminal_reachable(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (isatty(fd))
			return true;
	/* ENXIO is the kernel's word for "no controlling terminal" (tty(4)). */
	cleanup_fd int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 || errno != ENXIO;
}

/* Where the low 32 bits of ioctl's second argument stand in seccomp_data. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define REQUEST_OFFSET offsetof(struct seccomp_data, args[1])
#else
#define REQUEST_OFFSET (offsetof(struct seccomp_data, args[1]) + 4)
#endif

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define IF_EQUAL(value, then, otherwise)                                                           \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), then, otherwise)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)

/*
 * The request is compared in its low 32 bits alone, as the kernel does: it
 * takes an unsigned int and ignores the rest. A comparison of all 64 bits is
 * passed by any bit set above them (CVE-2019-7303). Jumps count the
 * instructions to skip (linux/filter.h); the calls of other ABIs are ruled out
 * first, since the same number means another call there (seccomp(2)).
 */
static struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	IF_EQUAL(NATIVE_ARCH, 1, 0),
	RETURN(SECCOMP_RET_KILL_PROCESS),
	LOAD(offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
	/* x32: the same arch, with a bit of its own in the number. */
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_SYSCALL_BIT, 0, 1),
	RETURN(SECCOMP_RET_KILL_PROCESS),
#endif
	IF_EQUAL(SYS_ioctl, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(REQUEST_OFFSET),
	IF_EQUAL(TIOCSTI, 2, 0),
	IF_EQUAL(TIOCLINUX, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	RETURN(SECCOMP_RET_ERRNO | EPERM),
};

void terminal_forbid_typing(void)
{
	const struct sock_fprog program = {N_ELEMENTS(filter), filter};
	char c = ' ';

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		die_errno("cannot install the terminal's seccomp filter");
	/* On no descriptor at all, the kernel alone would say EBADF. */
	if (ioctl(-1, TIOCSTI, &c) == 0 || errno != EPERM)
		die("the terminal's seccomp filter is installed, but TIOCSTI is not refused");
}
