/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes one thread of another process make a system call: what no program does to itself
 * between its start and a test, and what an attacker within it could do.
 *
 *   call-in-thread TID setresuid|setresgid A B C       -1 leaves an id as it is
 *   call-in-thread TID setfsuid ID
 *   call-in-thread TID name TEXT                       prctl(PR_SET_NAME)
 *   call-in-thread TID capset EFFECTIVE PERMITTED INHERITABLE      masks, hexadecimal
 *   call-in-thread TID exit                            the thread ends, and no other
 *
 * The thread is stopped within a system call, with ptrace(2), is led through the same
 * instruction with other registers, and does then what it was about to do. x86-64 only.
 */
#include "base/log.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

/* Below the 128 bytes under the stack pointer that a function may use unasked. */
#define BELOW_STACK 4096

static pid_t tid;
static struct user_regs_struct saved;

static void wait_for_stop(void)
{
	int status;

	if (waitpid(tid, &status, __WALL) != tid || !WIFSTOPPED(status))
		die("thread %d did not stop", tid);
}

static uint64_t put(const void *data, size_t size, size_t at)
{
	uint64_t address = (saved.rsp - BELOW_STACK + at) & ~15ULL;
	struct iovec local = {(void *)(uintptr_t)data, size};
	struct iovec remote = {(void *)(uintptr_t)address, size};

	if (process_vm_writev(tid, &local, 1, &remote, 1, 0) != (ssize_t)size)
		die_errno("cannot write into thread %d", tid);
	return address;
}

static void begin(void)
{
	uint16_t instruction = 0;
	struct iovec local = {&instruction, sizeof instruction};

	if (ptrace(PTRACE_SEIZE, tid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, tid, 0, 0) < 0)
		die_errno("cannot stop thread %d", tid);
	wait_for_stop();
	if (ptrace(PTRACE_GETREGS, tid, 0, &saved) < 0)
		die_errno("cannot read the registers of thread %d", tid);
	struct iovec remote = {(void *)(uintptr_t)(saved.rip - 2), sizeof instruction};
	if (process_vm_readv(tid, &local, 1, &remote, 1, 0) != sizeof instruction ||
		instruction != 0x050f)
		die("thread %d is not in a system call", tid);
}

static void call(long number, uint64_t a, uint64_t b, uint64_t c)
{
	struct user_regs_struct regs = saved;

	regs.rip -= 2;
	regs.rax = (uint64_t)number;
	regs.orig_rax = (uint64_t)-1;
	regs.rdi = a;
	regs.rsi = b;
	regs.rdx = c;
	if (ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		die_errno("cannot set the registers of thread %d", tid);
	if (number == SYS_exit) {
		ptrace(PTRACE_DETACH, tid, 0, 0);
		return;
	}
	if (ptrace(PTRACE_SINGLESTEP, tid, 0, 0) < 0)
		die_errno("cannot lead thread %d", tid);
	wait_for_stop();
	if (ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
		die_errno("cannot read the registers of thread %d", tid);
	/* The interrupted call is made again, with its own arguments. */
	if ((int64_t)saved.orig_rax >= 0) {
		saved.rip -= 2;
		saved.rax = saved.orig_rax;
		saved.orig_rax = (uint64_t)-1;
	}
	if (ptrace(PTRACE_SETREGS, tid, 0, &saved) < 0 || ptrace(PTRACE_DETACH, tid, 0, 0) < 0)
		die_errno("cannot let thread %d go", tid);
	if ((int64_t)regs.rax < 0 && (int64_t)regs.rax > -4096) {
		errno = (int)-(int64_t)regs.rax;
		die_errno("the call in thread %d failed", tid);
	}
}

static void call_capset(char *argv[])
{
	const struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(strtoull(argv[0], NULL, 16) >> 32 * i);
		data[i].permitted = (uint32_t)(strtoull(argv[1], NULL, 16) >> 32 * i);
		data[i].inheritable = (uint32_t)(strtoull(argv[2], NULL, 16) >> 32 * i);
	}
	uint64_t head = put(&header, sizeof header, 0);
	call(SYS_capset, head, put(data, sizeof data, 64), 0);
}

int main(int argc, char *argv[])
{
	log_init("call-in-thread", 1);
	if (argc < 3)
		die("a thread and a call were expected");
	tid = atoi(argv[1]);
	begin();
	uint64_t a = argc > 3 ? (uint64_t)atoll(argv[3]) : 0;
	uint64_t b = argc > 4 ? (uint64_t)atoll(argv[4]) : 0;
	uint64_t c = argc > 5 ? (uint64_t)atoll(argv[5]) : 0;
	if (strcmp(argv[2], "setresuid") == 0)
		call(SYS_setresuid, a, b, c);
	else if (strcmp(argv[2], "setresgid") == 0)
		call(SYS_setresgid, a, b, c);
	else if (strcmp(argv[2], "setfsuid") == 0)
		call(SYS_setfsuid, a, 0, 0);
	else if (strcmp(argv[2], "name") == 0 && argc == 4)
		call(SYS_prctl, PR_SET_NAME, put(argv[3], strlen(argv[3]) + 1, 0), 0);
	else if (strcmp(argv[2], "capset") == 0 && argc == 6)
		call_capset(argv + 3);
	else if (strcmp(argv[2], "exit") == 0)
		call(SYS_exit, 0, 0, 0);
	else
		die("%s: no such call", argv[2]);
	return 0;
}
