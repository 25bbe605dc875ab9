/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * args-on FILE: a process whose command line (proc_pid_cmdline(5)) lies in pages of FILE, so that
 * whoever reads it asks the file system of FILE. Says "ready" and waits.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char *argv[])
{
	static const char ready[] = "ready\n";
	int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	char *page = argv[0] - (uintptr_t)argv[0] % 4096;

	/* The page above has the end of the words, and what the kernel put behind them. */
	if (fd < 0 || mmap(page, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != page) {
		perror("args-on");
		return 1;
	}
	if (write(STDOUT_FILENO, ready, sizeof ready - 1) < 0)
		return 1;
	for (;;)
		pause();
}
