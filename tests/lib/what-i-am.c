/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * what-i-am
 *
 * Prints what a program was given by who started it, a line each, in one process and with few
 * calls: ids, groups, capability sets, signals, limits, securebits, descriptors, the session
 * keyring and the environment.
 */
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_FD 256

static void print_status(void)
{
	static const char *const names[] = {
		"Uid:", "Gid:", "Groups:", "SigBlk:", "SigIgn:", "SigCgt:", "CapInh:", "CapPrm:",
		"CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp"};
	char line[8192];
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof line, file))
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			if (strncmp(line, names[i], strlen(names[i])) == 0)
				fputs(line, stdout);
	if (file)
		fclose(file);
}

static void print_file(const char *path)
{
	char line[8192];
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof line, file))
		fputs(line, stdout);
	if (file)
		fclose(file);
}

static void print_descriptors(void)
{
	char path[64], target[4096];

	for (int fd = 0; fd < MAX_FD; fd++) {
		int flags = fcntl(fd, F_GETFD);
		if (flags < 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(path, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		printf("descriptor %d: %d %s\n", fd, flags, target);
	}
}

static void print_keyring(void)
{
	char text[256] = "none";

	syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text);
	printf("keyring: %s\n", text);
}

int main(void)
{
	int death_signal = 0;

	print_status();
	print_file("/proc/self/limits");
	prctl(PR_GET_PDEATHSIG, &death_signal);
	printf("securebits: %d, signal at the parent's death: %d, umask: %o\n",
		prctl(PR_GET_SECUREBITS), death_signal, umask(0));
	print_descriptors();
	print_keyring();
	for (char **variable = environ; *variable; variable++)
		printf("environment: %s\n", *variable);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
