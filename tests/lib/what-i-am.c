/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * what-i-am
 *
 * Prints what a program was given by who started it, a line each, in one process and with few
 * calls: ids, groups, capability sets, signals, limits, securebits, descriptors, the session
 * keyring and the environment.
 */
#include "given.h"

#include <linux/keyctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void print_keyring(void)
{
	char text[256] = "none";

	syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof text);
	printf("keyring: %s\n", text);
}

int main(void)
{
	int death_signal = 0;

	print_credentials();
	print_limits();
	prctl(PR_GET_PDEATHSIG, &death_signal);
	printf("securebits: %d, signal at the parent's death: %d, umask: %o\n",
		prctl(PR_GET_SECUREBITS), death_signal, umask(0));
	print_descriptors(STDIN_FILENO);
	print_keyring();
	for (char **variable = environ; *variable; variable++)
		printf("environment: %s\n", *variable);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
