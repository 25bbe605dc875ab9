/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes one system call through another ABI of this processor, and says so if
 * it lives on.
 *
 *   other-abi i386|x32|high-bits
 *
 * high-bits: ioctl(TIOCSTI) on standard input with a bit above the 32 that the
 * kernel looks at.
 */
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	const char *abi = argc == 2 ? argv[1] : "";
	char c = ' ';

	log_init("other-abi", 2);
	if (strcmp(abi, "high-bits") == 0) {
		if (syscall(SYS_ioctl, STDIN_FILENO, TIOCSTI | (1UL << 32), &c) == 0)
			return puts("pushed") < 0;
		return puts(strerror(errno)) < 0;
	}
#ifdef __x86_64__
	if (strcmp(abi, "i386") == 0) {
		long pid;
		__asm__ volatile("int $0x80" : "=a"(pid) : "a"(20 /* getpid */) : "memory");
		return puts(pid == getpid() ? "alive" : "not there") < 0;
	}
	if (strcmp(abi, "x32") == 0)
		return puts(syscall(0x40000000 | SYS_getpid) == getpid() ? "alive" : "not there") <
		       0;
#endif
	die("unknown ABI \"%s\"", abi);
}
