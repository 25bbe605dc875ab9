/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * instructions BEGIN END PROGRAM [ARG]...
 *
 * Counts the instructions of a program, an absolute path, until it becomes another one (execve(2))
 * or ends, one step after the other, where no counter of the processor's can be had. BEGIN and END:
 * where the code of its own functions lies in its file. Prints lines of a number and the place in
 * the file from which the program has called what they belong to, its libraries' included; 0:
 * before its first own one.
 */
#include <elf.h>
#include <err.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_OFFSET (4UL << 20)

static unsigned long counts[MAX_OFFSET];

/* The program's own code: its addresses, and what they begin with in its file. */
static void find_own(pid_t pid, const char *program, unsigned long *begin, unsigned long *end,
	unsigned long *offset)
{
	char path[64], line[PATH_MAX + 128], rights[5], name[PATH_MAX + 1];

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	FILE *maps = fopen(path, "re");
	if (!maps)
		err(1, "%s", path);
	while (fgets(line, sizeof line, maps))
		if (sscanf(line, "%lx-%lx %4s %lx %*s %*s %4096s", begin, end, rights, offset,
			    name) == 5 &&
			rights[2] == 'x' && strcmp(name, program) == 0) {
			fclose(maps);
			return;
		}
	errx(1, "%s is not in %s", program, path);
}

static unsigned long place_of(pid_t pid)
{
#if defined(__x86_64__) || defined(__aarch64__)
	struct user_regs_struct regs;
	struct iovec all = {&regs, sizeof regs};

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) < 0)
		err(1, "cannot read the registers of process %d", pid);
#ifdef __x86_64__
	return regs.rip;
#else
	return regs.pc;
#endif
#else
	errx(1, "the registers of this architecture are not known here, nor those of %d", pid);
#endif
}

int main(int argc, char *argv[])
{
	unsigned long begin, end, offset, from = 0;
	int status;

	if (argc < 4)
		errx(2, "usage: instructions BEGIN END PROGRAM [ARG]...");
	unsigned long own_begin = strtoul(argv[1], NULL, 0), own_end = strtoul(argv[2], NULL, 0);
	argv += 2;
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[1], argv + 1);
		err(1, "%s", argv[1]);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		errx(1, "%s was not started", argv[1]);
	if (own_end > MAX_OFFSET)
		errx(1, "%s is too large", argv[1]);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
	find_own(pid, argv[1], &begin, &end, &offset);
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 ||
			waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			break;
		unsigned long at = place_of(pid);
		unsigned long place = at - begin + offset;
		if (at >= begin && at < end && place >= own_begin && place < own_end)
			from = place;
		counts[from]++;
	}
	kill(pid, SIGKILL);
	for (unsigned long i = 0; i < MAX_OFFSET; i++)
		if (counts[i])
			printf("%lu %lu\n", counts[i], i);
	return 0;
}
